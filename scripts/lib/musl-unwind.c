/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Debian's libunwind.a is compiled against glibc's checking printf, which musl does not have. It is only used for
 * messages of libunwind itself. */
#include <stdarg.h>
#include <stdio.h>

int __fprintf_chk(FILE *stream, int flag, const char *format, ...)
{
    va_list arguments;
    int written;

    (void)flag;
    va_start(arguments, format);
    written = vfprintf(stream, format, arguments);
    va_end(arguments);
    return written;
}
