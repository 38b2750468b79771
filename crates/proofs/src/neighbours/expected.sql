-- What the two districts touch: in words, a statement that counts it in CERT, rows with ours alone, rows with both.
with chosen as (
  select
    (select min(studentusi) from edfi.studentassessment
      join edfi.studentschoolassociation using (studentusi) where schoolid = 255901001) as pupil
),
people as (
  select
    pupil,
    (select min(studentusi) from edfi.studentcontactassociation
      join edfi.studentschoolassociation using (studentusi) where schoolid = 255901001 and studentusi > pupil) as member,
    (select min(staffusi) from edfi.staffeducationorganizationemploymentassociation
      where educationorganizationid = 255901) as teacher
  from chosen
),
numbers as (
  select
    pupil, teacher,
    (select min(contactusi) from edfi.studentcontactassociation where studentusi = member) as contact,
    (select count(*) from edfi.studentassessment where studentusi = pupil and reportedschoolid is null) as unreported,
    (select count(*) from edfi.staffeducationorganizationemploymentassociation
      where staffusi = teacher and educationorganizationid = 255901) as employments,
    (select count(*) from edfi.studentschoolassociation
      where studentusi = pupil and schoolid < 5000000000) as schools
  from people
)
select words, format(statement, parameter), one::text, two::text
from numbers
cross join lateral (values
  ('the student of both', 'select count(*) from edfi.student where studentusi = %s', pupil, 1, 1),
  ('schools of that student', 'select count(*) from edfi.studentschoolassociation where studentusi = %s',
    pupil, schools, schools + 1),
  ('assessments that our school reported',
    'select count(*) from edfi.studentassessment where reportedschoolid = 255901001 and studentusi = %s', pupil, 1, 1),
  ('assessments that the other school reported',
    'select count(*) from edfi.studentassessment where reportedschoolid = 5255901001 and studentusi = %s', pupil, 0, 1),
  ('assessments that nobody reported',
    'select count(*) from edfi.studentassessment where reportedschoolid is null and studentusi = %s',
    pupil, unreported, unreported),
  ('the contact of two siblings', 'select count(*) from edfi.contact where contactusi = %s', contact, 1, 1),
  ('children of that contact', 'select count(*) from edfi.studentcontactassociation where contactusi = %s', contact, 1, 2),
  ('the teacher of both', 'select count(*) from edfi.staff where staffusi = %s', teacher, 1, 1),
  ('employments of that teacher',
    'select count(*) from edfi.staffeducationorganizationemploymentassociation where staffusi = %s',
    teacher, employments, employments + 1),
  ('programs of the agency', 'select count(*) from edfi.program where educationorganizationid = %s', 255950, 1, 1),
  ('participations in that program',
    'select count(*) from edfi.generalstudentprogramassociation where programeducationorganizationid = %s', 255950, 1, 2),
  ('gradebook entries of our sections', 'select count(*) from edfi.gradebookentry where schoolid < %s', 5000000000, 10, 10),
  ('gradebook entries', 'select count(*) from edfi.gradebookentry where %s > 0', 1, 10, 10),
  ('grades in them', 'select count(*) from edfi.studentgradebookentry where %s > 0', 1, 250, 500),
  ('surveys', 'select count(*) from edfi.survey where %s > 0', 1, 1, 1),
  ('answers', 'select count(*) from edfi.surveyresponse where %s > 0', 1, 12, 13)
) as cases (words, statement, parameter, one, two);
