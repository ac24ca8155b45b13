//! The first-stage OS agent.
