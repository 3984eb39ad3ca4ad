//! Special values, and the errors of the approximate kernels.
