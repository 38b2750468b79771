create table states (
    id integer primary key not null,
    code char(2) not null unique,
    name varchar(40) not null
);

create table districts (
    id integer primary key not null,
    state_id smallint not null references states (id),
    name varchar(80) not null,
    nces_code char(7) not null unique,
    opened_on date,
    active boolean not null default true
);

create table schools (
    id integer primary key not null,
    district_id integer not null references districts (id),
    principal_id bigint references staff (id),
    name varchar(80) not null,
    level varchar(12) not null check (level in ('elementary', 'middle', 'high')),
    capacity integer
);

create table staff (
    id integer primary key not null,
    school_id integer not null references schools (id),
    manager_id bigint references staff (id),
    first_name varchar(14) not null,
    last_name varchar(24) not null,
    email varchar(80) not null unique,
    phone varchar(20),
    position varchar(16) not null check (position in ('superintendent', 'principal', 'teacher')),
    hired_on date not null,
    created_at timestamp not null
);

create table subjects (
    id integer primary key not null,
    code varchar(8) not null unique,
    title varchar(60) not null,
    credits real not null
);

create table courses (
    id integer primary key not null,
    school_id integer not null references schools (id),
    subject_id integer not null references subjects (id),
    title varchar(80) not null
);

create table sections (
    course_id bigint not null references courses (id),
    section_no smallint not null,
    teacher_id bigint not null references staff (id),
    room varchar(8),
    primary key (course_id, section_no)
);

create table students (
    id integer primary key not null,
    school_id integer not null references schools (id),
    student_number varchar(10) not null unique,
    first_name varchar(14) not null,
    last_name varchar(24) not null,
    birth_date date not null,
    national_id char(11),
    email varchar(80) not null unique,
    phone varchar(20),
    address varchar(120),
    grade_code varchar(2) not null check (
        grade_code in ('KG', '01', '02', '03', '04', '05', '06', '07', '08', '09', '10', '11', '12')
    ),
    active boolean not null,
    profile json not null,
    notes text
);

create table guardians (
    id integer primary key not null,
    first_name varchar(14) not null,
    last_name varchar(24) not null,
    email varchar(80),
    phone varchar(20) not null,
    address varchar(120)
);

create table student_guardians (
    student_id bigint not null references students (id),
    guardian_id bigint not null references guardians (id),
    relation_code varchar(10) not null check (
        relation_code in ('mother', 'father', 'stepparent', 'guardian')
    ),
    is_primary boolean not null,
    primary key (student_id, guardian_id)
);

create table enrollments (
    course_id bigint not null,
    section_no smallint not null,
    student_id bigint not null references students (id),
    enrolled_on date not null,
    withdrawn_on date,
    primary key (course_id, section_no, student_id),
    foreign key (course_id, section_no) references sections (course_id, section_no)
);

create table attendance (
    id integer primary key not null,
    student_id bigint not null references students (id),
    recorded_by bigint references staff (id),
    day date not null,
    status varchar(8) not null check (status in ('present', 'absent', 'tardy', 'excused')),
    minutes smallint,
    remark text,
    unique (student_id, day)
);

create table grades (
    course_id bigint not null,
    section_no smallint not null,
    student_id bigint not null,
    term smallint not null check (term between 1 and 4),
    points real not null,
    comment text,
    primary key (course_id, section_no, student_id, term),
    foreign key (course_id, section_no, student_id)
        references enrollments (course_id, section_no, student_id)
);

create table transfers (
    id integer primary key not null,
    student_id bigint not null references students (id),
    from_district_id integer not null references districts (id),
    to_district_id integer references districts (id),
    moved_on date not null,
    reason text
);

create table custom_fields (
    id integer primary key not null,
    label varchar(60) not null unique,
    data_type varchar(10) not null check (data_type in ('text', 'phone', 'email', 'choice')),
    position smallint not null
);

create table custom_field_values (
    student_id bigint not null references students (id),
    field_id smallint not null references custom_fields (id),
    value text not null,
    updated_on date,
    primary key (student_id, field_id)
);

create table accounts (
    id integer primary key not null,
    student_id bigint unique references students (id),
    staff_id bigint unique references staff (id),
    user_name varchar(60) not null unique,
    password_hash varchar(80),
    last_session_id bigint references sessions (id),
    created_at timestamp not null,
    check (student_id is not null or staff_id is not null)
);

create table sessions (
    id integer primary key not null,
    account_id bigint not null references accounts (id),
    token varchar(64) unique,
    ip_address varchar(40),
    user_agent varchar(160) not null,
    started_at timestamp not null,
    ended_at timestamp
);

create table audit_log (
    id bigint not null,
    logged_at timestamp not null,
    entity varchar(20) not null,
    entity_id bigint not null,
    action varchar(10) not null check (action in ('insert', 'update')),
    actor_id bigint references accounts (id),
    old_values json,
    new_values json,
    primary key (id, logged_at)
);

create index staff_school_id_idx on staff (school_id);
create index students_school_id_idx on students (school_id);
create index student_guardians_guardian_id_idx on student_guardians (guardian_id);
create index enrollments_student_id_idx on enrollments (student_id);
create index sessions_account_id_idx on sessions (account_id);
create index audit_log_entity_id_idx on audit_log (entity_id);
