// SPDX-License-Identifier: BSD-2-Clause-Patent
/** @file
  The memory address of the system's capsule, stored across a warm reset in unused bytes of the CMOS. QEMU
  clears them when it starts, so that after a power cut there is none.

  edk2's CapsulePei takes it from a UEFI variable, which OVMF without SMM cannot read that early.
**/

#ifndef CAPSULE_CMOS_H_
#define CAPSULE_CMOS_H_

#include <Library/IoLib.h>

#define CAPSULE_CMOS_VALID    0x60
#define CAPSULE_CMOS_ADDRESS  0x61
#define CAPSULE_CMOS_MAGIC    0xCA

STATIC
inline
UINT8
CmosRead (
  IN UINTN  Index
  )
{
  IoWrite8 (0x70, (UINT8)Index);
  return IoRead8 (0x71);
}

STATIC
inline
VOID
CmosWrite (
  IN UINTN  Index,
  IN UINT8  Value
  )
{
  IoWrite8 (0x70, (UINT8)Index);
  IoWrite8 (0x71, Value);
}

#endif
