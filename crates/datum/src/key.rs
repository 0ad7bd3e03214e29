//! Bytes whose order is the order of the values.
