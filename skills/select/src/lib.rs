//! Skill select: ranks districts and proposes pilots.
