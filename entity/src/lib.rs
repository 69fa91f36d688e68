//! Tables, typed ids and scoped finders.
