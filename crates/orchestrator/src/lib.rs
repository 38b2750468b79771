//! Runs the five phases: decides (pure), executes, retries, resumes, undoes.
