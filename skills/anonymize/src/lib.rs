//! Skill anonymize: raw artifact into masked artifact, with the proof that nothing leaked.
