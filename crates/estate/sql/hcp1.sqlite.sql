create table content_items (
    id integer primary key not null,
    code varchar(16) not null unique,
    title varchar(80) not null,
    minutes smallint,
    thumbnail blob,
    published_on date not null
);

create table learners (
    id uuid primary key not null,
    ids_student_id varchar(20) not null unique,
    display_name varchar(48) not null,
    login varchar(80) not null unique,
    avatar blob,
    active boolean not null,
    last_seen_at timestamp
);

create table submissions (
    id integer primary key not null,
    learner_id uuid not null references learners (id),
    content_item_id bigint not null references content_items (id),
    submitted_at timestamp not null,
    score real,
    body text not null
);

create index submissions_learner_id_idx on submissions (learner_id);
