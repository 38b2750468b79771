create table products (
    id integer primary key,
    sku varchar(16) not null unique,
    title varchar(80) not null,
    vendor varchar(60) not null,
    unit_price numeric(8, 2)
);

create table licences (
    id uuid primary key,
    district_id integer not null,
    product_id integer not null references products (id),
    contract_no varchar(20) not null unique,
    seats integer not null check (seats > 0),
    valid_during daterange not null,
    contact_email varchar(80)
);

create table devices (
    id uuid primary key,
    district_id integer not null,
    student_id bigint,
    asset_tag varchar(12) not null unique,
    serial_number varchar(20) not null unique,
    mac_address macaddr not null,
    last_ip inet,
    host_name varchar(60) not null,
    last_seen_at timestamp with time zone
);

create table usage_events (
    happened_at timestamp not null,
    licence_id uuid not null references licences (id),
    device_id uuid references devices (id),
    user_email varchar(80),
    event varchar(20) not null,
    seconds integer,
    ip_address inet
);

create index on licences (district_id);
create index on devices (district_id);
create index on devices (student_id);
create index on usage_events (licence_id);
create index on usage_events (device_id);
