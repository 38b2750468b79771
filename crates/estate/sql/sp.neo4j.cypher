create constraint state_code for (n:State) require n.code is unique;
create constraint district_id for (n:District) require n.district_id is unique;
create constraint school_id for (n:School) require n.school_id is unique;
create constraint person_id for (n:Person) require n.person_id is unique;
create constraint skill_code for (n:Skill) require n.code is unique;
create constraint enrolment_no for ()-[r:ENROLLED_IN]-() require r.enrolment_no is unique;
