create table states (
    code varchar(2) primary key,
    name varchar(40) not null
);

create table districts (
    district_id integer primary key,
    name varchar(80) not null
);

create table schools (
    school_id integer primary key,
    name varchar(80) not null,
    level varchar(12) not null
);

create table people (
    person_id uuid primary key,
    labels text[] not null,
    student_id bigint unique,
    staff_id bigint unique,
    guardian_id bigint unique,
    display_name varchar(48) not null,
    email varchar(80),
    phone varchar(20),
    nicknames text[],
    born_on date
);

create table skills (
    code varchar(12) primary key,
    title varchar(60) not null
);

create table part_of (
    start_label varchar(20) not null,
    start_id varchar(20) not null,
    end_label varchar(20) not null,
    end_id varchar(20) not null
);

create table enrolled_in (
    enrolment_no varchar(16) primary key,
    person_id uuid not null references people (person_id),
    school_id integer not null references schools (school_id),
    since date not null,
    grade varchar(2) not null
);

create table works_at (
    person_id uuid not null references people (person_id),
    school_id integer not null references schools (school_id),
    position varchar(16) not null,
    since date not null,
    primary key (person_id, school_id)
);

create table guardian_of (
    guardian_id uuid not null references people (person_id),
    child_id uuid not null references people (person_id),
    relation varchar(10) not null,
    has_custody boolean not null,
    primary key (guardian_id, child_id)
);

create table has_skill (
    person_id uuid not null references people (person_id),
    skill_code varchar(12) not null references skills (code),
    level smallint not null,
    assessed_on date,
    primary key (person_id, skill_code)
);

create table knows (
    person_id uuid not null references people (person_id),
    other_id uuid not null references people (person_id),
    since date,
    how varchar(20)
);

create table referred (
    person_id uuid not null references people (person_id),
    child_id uuid not null references people (person_id),
    referred_on date not null,
    note text
);

create index on part_of (start_id);
create index on enrolled_in (person_id);
create index on enrolled_in (school_id);
create index on works_at (school_id);
create index on guardian_of (child_id);
create index on knows (person_id);
create index on knows (other_id);
create index on referred (person_id);
create index on referred (child_id);
