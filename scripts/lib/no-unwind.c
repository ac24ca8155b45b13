/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* In place of libunwind: the agent has no tables to unwind by, so every backtrace ends at once. */
#include <stdint.h>

int _Unwind_Backtrace(void *each, void *argument)
{
    (void)each;
    (void)argument;
    return 5; /* _URC_END_OF_STACK */
}

uintptr_t _Unwind_GetIP(void *context)
{
    (void)context;
    return 0;
}

uintptr_t _Unwind_GetIPInfo(void *context, int *before)
{
    (void)context;
    *before = 0;
    return 0;
}

uintptr_t _Unwind_GetCFA(void *context)
{
    (void)context;
    return 0;
}

void *_Unwind_FindEnclosingFunction(void *address)
{
    (void)address;
    return 0;
}
