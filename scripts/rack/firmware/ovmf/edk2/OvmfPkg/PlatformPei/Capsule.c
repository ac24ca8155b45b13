// SPDX-License-Identifier: BSD-2-Clause-Patent
/** @file
  Finds the capsule that the system put in memory before a warm reset, and copies its parts to reserved memory.
**/

#include <PiPei.h>
#include <CapsuleCmos.h>
#include <Library/BaseLib.h>
#include <Library/BaseMemoryLib.h>
#include <Library/HobLib.h>
#include <Uefi/UefiSpec.h>

#include "Platform.h"

//
// Above all that the firmware unpacks itself to, and below the memory that it works in, which is at the end: a machine
// needs 512 MiB.
//
#define LOWEST   SIZE_64MB
#define HIGHEST  SIZE_256MB

STATIC UINT8   *mCapsule;
STATIC UINT64  mSize;

//
// The block that this descriptor is for, or that of the list where it goes on. NULL: that was the last one.
//
STATIC
EFI_CAPSULE_BLOCK_DESCRIPTOR *
Block (
  IN EFI_CAPSULE_BLOCK_DESCRIPTOR  *Descriptor
  )
{
  while (Descriptor != NULL && Descriptor->Length == 0) {
    Descriptor = (VOID *)(UINTN)Descriptor->Union.ContinuationPointer;
  }

  return Descriptor;
}

STATIC
BOOLEAN
Overlaps (
  IN UINT64  A,
  IN UINT64  ALength,
  IN UINT64  B,
  IN UINT64  BLength
  )
{
  return A < B + BLength && B < A + ALength;
}

STATIC
BOOLEAN
IsFree (
  IN EFI_CAPSULE_BLOCK_DESCRIPTOR  *List,
  IN UINT64                        Base,
  IN UINT64                        Size
  )
{
  EFI_CAPSULE_BLOCK_DESCRIPTOR  *Each;

  for (Each = Block (List); Each != NULL; Each = Block (Each + 1)) {
    if (Overlaps (Base, Size, Each->Union.DataBlock, Each->Length) ||
        Overlaps (Base, Size, (UINTN)Each, 2 * sizeof (*Each)))
    {
      return FALSE;
    }
  }

  return TRUE;
}

/**
  Puts together what the system left.

  @return  Whether there is a capsule.
**/
BOOLEAN
CapsuleGather (
  VOID
  )
{
  UINT64                        List;
  UINT64                        Base;
  UINTN                         Index;
  EFI_CAPSULE_BLOCK_DESCRIPTOR  *First;
  EFI_CAPSULE_BLOCK_DESCRIPTOR  *Each;

  if (CmosRead (CAPSULE_CMOS_VALID) != CAPSULE_CMOS_MAGIC) {
    return FALSE;
  }

  CmosWrite (CAPSULE_CMOS_VALID, 0);
  List = 0;
  for (Index = 0; Index < sizeof (List); Index++) {
    List |= LShiftU64 (CmosRead (CAPSULE_CMOS_ADDRESS + Index), 8 * Index);
  }

  First = (VOID *)(UINTN)List;
  for (Each = Block (First); Each != NULL; Each = Block (Each + 1)) {
    mSize += Each->Length;
  }

  for (Base = LOWEST; !IsFree (First, Base, mSize); Base += SIZE_1MB) {
  }

  if (Base + mSize > HIGHEST) {
    return FALSE;
  }

  mCapsule = (UINT8 *)(UINTN)Base;
  Base     = 0;
  for (Each = Block (First); Each != NULL; Each = Block (Each + 1)) {
    CopyMem (mCapsule + Base, (VOID *)(UINTN)Each->Union.DataBlock, Each->Length);
    Base += Each->Length;
  }

  return TRUE;
}

/**
  Passes the capsule's address to the later phases, and reserves its memory.
**/
VOID
CapsulePublish (
  VOID
  )
{
  BuildMemoryAllocationHob ((UINTN)mCapsule, ALIGN_VALUE (mSize, SIZE_4KB), EfiBootServicesData);
  BuildCvHob ((UINTN)mCapsule, ((EFI_CAPSULE_HEADER *)mCapsule)->CapsuleImageSize);
}
