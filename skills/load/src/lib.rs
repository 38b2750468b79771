//! Skill load: masked artifact into CERT, with before-images; and out again.
