-- What two districts share: a student in both, with an assessment that the other one reported; a contact of two
-- siblings; a teacher of both; answers of its student and grades of its students under our natural keys.
do $$
declare
  pupil int := (select min(studentusi) from edfi.studentassessment
    join edfi.studentschoolassociation using (studentusi) where schoolid = 255901001);
  member int := (select min(studentusi) from edfi.studentcontactassociation
    join edfi.studentschoolassociation using (studentusi) where schoolid = 255901001 and studentusi > pupil);
  teacher int := (select min(staffusi) from edfi.staffeducationorganizationemploymentassociation
    where educationorganizationid = 255901);
begin
  insert into edfi.studentschoolassociation
  select (jsonb_populate_record(s, jsonb_build_object(
    'schoolid', schoolid + 5000000000, 'graduationeducationorganizationid', null,
    'calendarcode', null, 'id', gen_random_uuid()))).*
  from edfi.studentschoolassociation as s where studentusi = pupil and schoolid = 255901001;
  insert into edfi.studenteducationorganizationassociation
  select (jsonb_populate_record(s, jsonb_build_object(
    'educationorganizationid', 5000255901, 'id', gen_random_uuid()))).*
  from edfi.studenteducationorganizationassociation as s where studentusi = pupil and educationorganizationid = 255901;

  insert into edfi.studentassessment
  select (jsonb_populate_record(a, jsonb_build_object(
    'studentassessmentidentifier', 'reported-5255901001',
    'reportedschoolid', 5255901001, 'id', gen_random_uuid()))).*
  from edfi.studentassessment as a where studentusi = pupil and studentassessmentidentifier = 'reported-by-nobody';

  insert into edfi.studentcontactassociation
  select (jsonb_populate_record(c, jsonb_build_object(
    'studentusi', studentusi + 5000000, 'id', gen_random_uuid()))).*
  from edfi.studentcontactassociation as c where studentusi = member;

  insert into edfi.staffeducationorganizationemploymentassociation
  select (jsonb_populate_record(e, jsonb_build_object(
    'educationorganizationid', 5000255901, 'id', gen_random_uuid()))).*
  from edfi.staffeducationorganizationemploymentassociation as e
  where staffusi = teacher and educationorganizationid = 255901 order by hiredate limit 1;

  insert into edfi.surveyresponse (namespace, surveyidentifier, surveyresponseidentifier, responsedate, studentusi)
  select namespace, surveyidentifier, 'of-the-other', '2021-05-01', member + 5000000 from edfi.survey;
end $$;
