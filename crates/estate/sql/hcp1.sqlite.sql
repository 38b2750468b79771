create table content_items (
    id integer primary key not null,
    code varchar(16) not null unique,
    title varchar(80) not null,
    minutes smallint,
    thumbnail blob,
    published_on date not null
);

create table assignments (
    id integer primary key not null,
    ids_course_id varchar(20) not null,
    section_no smallint not null,
    content_item_id bigint not null references content_items (id),
    title varchar(120) not null,
    due_on date not null,
    instructions text
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
    assignment_id bigint not null references assignments (id),
    submitted_at timestamp not null,
    score real,
    body text not null
);

create table attachments (
    id uuid primary key not null,
    submission_id bigint not null references submissions (id),
    file_name varchar(120) not null,
    media_type varchar(40) not null,
    byte_count integer not null,
    content blob not null
);

create index submissions_learner_id_idx on submissions (learner_id);
create index attachments_submission_id_idx on attachments (submission_id);
create index assignments_section_idx on assignments (ids_course_id, section_no);
