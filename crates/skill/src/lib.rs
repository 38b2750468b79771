//! The contract of a skill: plan, units, context, progress, cancellation.
