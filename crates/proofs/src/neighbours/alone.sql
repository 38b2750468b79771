-- What lies between districts, while there is one: a program of the agency above with one of our students, and
-- assessments of the student who will go to two districts, reported by our school and by nobody.
do $$
declare
  pupil int := (select min(studentusi) from edfi.studentassessment
    join edfi.studentschoolassociation using (studentusi) where schoolid = 255901001);
  member int := (select min(studentusi) from edfi.studentcontactassociation
    join edfi.studentschoolassociation using (studentusi) where schoolid = 255901001 and studentusi > pupil);
begin
  insert into edfi.program
  select (jsonb_populate_record(p, jsonb_build_object(
    'educationorganizationid', 255950, 'id', gen_random_uuid()))).*
  from edfi.program as p where educationorganizationid = 255901 order by programname limit 1;

  insert into edfi.generalstudentprogramassociation
    (begindate, educationorganizationid, programeducationorganizationid, programname, programtypedescriptorid, studentusi)
  select '2021-08-01', 255950, 255950, programname, programtypedescriptorid, member
  from edfi.program where educationorganizationid = 255950;

  insert into edfi.studentassessment
  select (jsonb_populate_record(a, jsonb_build_object(
    'studentassessmentidentifier', 'reported-' || coalesce(school::text, 'by-nobody'),
    'reportedschoolid', school, 'id', gen_random_uuid()))).*
  from edfi.studentassessment as a, (values (255901001::bigint), (null)) as reporter (school)
  where studentusi = pupil and studentassessmentidentifier =
    (select min(studentassessmentidentifier) from edfi.studentassessment where studentusi = pupil);
end $$;
