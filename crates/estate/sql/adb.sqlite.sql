create table assessments (
    code varchar(16) primary key not null,
    title varchar(80) not null,
    subject varchar(20) not null,
    grade smallint not null,
    max_score real not null,
    cut_scores json not null,
    standards json not null
);

create table test_takers (
    state_student_id varchar(10) primary key not null,
    school_id integer not null,
    first_name varchar(14) not null,
    last_name varchar(24) not null,
    full_name varchar(40) generated always as (first_name || ' ' || last_name) stored,
    birth_date date not null,
    accommodations json not null,
    contact_emails json
);

create table test_events (
    id integer primary key not null,
    school_id integer not null,
    assessment_code varchar(16) not null references assessments (code),
    room_no integer not null,
    during varchar(60) not null,
    proctor_id bigint
);

create table results (
    state_student_id varchar(10) not null references test_takers (state_student_id),
    assessment_code varchar(16) not null references assessments (code),
    attempt smallint not null,
    event_id bigint references test_events (id),
    taken_on date not null,
    raw_score real not null check (raw_score >= 0),
    scaled_score real generated always as (raw_score * 10 + 200) stored,
    level varchar(12) not null check (level in ('below basic', 'basic', 'proficient', 'advanced')),
    item_scores json not null,
    domain_scores json,
    is_final boolean not null,
    primary key (state_student_id, assessment_code, attempt)
);

create table responses (
    state_student_id varchar(10) not null,
    assessment_code varchar(16) not null,
    attempt smallint not null,
    item_no smallint not null,
    points smallint,
    answer text,
    primary key (state_student_id, assessment_code, attempt, item_no),
    foreign key (state_student_id, assessment_code, attempt)
        references results (state_student_id, assessment_code, attempt)
);

create index test_takers_school_id_idx on test_takers (school_id);
create index test_events_school_id_idx on test_events (school_id);
