//! kexec
