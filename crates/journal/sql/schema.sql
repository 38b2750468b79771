-- The journal, format 1. A run's place is its first event's place.
create table run (
    place integer primary key,
    name  text not null unique
) strict;

create table event (
    run         integer not null references run (place),
    sequence    integer not null,
    wall_millis integer not null,
    body        text    not null,
    primary key (run, sequence)
) strict;
