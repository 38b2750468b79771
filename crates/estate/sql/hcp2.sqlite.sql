create table products (
    id integer primary key not null,
    sku varchar(16) not null unique,
    title varchar(80) not null,
    vendor varchar(60) not null,
    unit_price real
);

create table licences (
    id uuid primary key not null,
    district_id integer not null,
    product_id integer not null references products (id),
    contract_no varchar(20) not null unique,
    seats integer not null check (seats > 0),
    valid_during varchar(30) not null,
    contact_email varchar(80)
);

create table devices (
    id uuid primary key not null,
    district_id integer not null,
    student_id bigint,
    asset_tag varchar(12) not null unique,
    serial_number varchar(20) not null unique,
    mac_address varchar(17) not null,
    last_ip varchar(40),
    host_name varchar(60) not null,
    last_seen_at timestamp
);

create table usage_events (
    happened_at timestamp not null,
    licence_id uuid not null references licences (id),
    device_id uuid references devices (id),
    user_email varchar(80),
    event varchar(20) not null,
    seconds integer,
    ip_address varchar(40)
);

create index licences_district_id_idx on licences (district_id);
create index devices_district_id_idx on devices (district_id);
create index devices_student_id_idx on devices (student_id);
create index usage_events_licence_id_idx on usage_events (licence_id);
create index usage_events_device_id_idx on usage_events (device_id);
