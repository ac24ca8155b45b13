// SPDX-License-Identifier: BSD-2-Clause-Patent
/** @file
  Writes new code into QEMU's pflash, a CFI chip of Intel's command set, and reports the running version.

  FmpDxe asks for all of this (FmpDevicePkg/Include/Library/FmpDeviceLib.h), once it has found the signature good and
  the version not too old. As on many boards there is no second bank: whoever takes the power away meanwhile has no
  firmware left.
**/

#include <PiDxe.h>
#include <CapsuleVersion.h>
#include <Guid/SystemResourceTable.h>
#include <Library/BaseMemoryLib.h>
#include <Library/FmpDeviceLib.h>
#include <Library/PrintLib.h>
#include <Library/SerialPortLib.h>

//
// OVMF_CODE.fd in a chip of 4 MiB, whose last byte is the last below 4 GiB.
//
#define CODE_BASE    0xFFC84000
#define CODE_SIZE    0x0037C000
#define BLOCK_SIZE   0x1000
#define BUFFER_SIZE  256

#define CLEAR_STATUS   0x50
#define ERASE_BLOCK    0x20
#define WRITE_BUFFER   0xE8
#define CONFIRM        0xD0
#define READ_ARRAY     0xFF
#define STATUS_READY   0x80
#define STATUS_FAILED  0x3A

STATIC
BOOLEAN
Succeeds (
  IN volatile UINT8  *Chip
  )
{
  while ((*Chip & STATUS_READY) == 0) {
  }

  return (*Chip & STATUS_FAILED) == 0;
}

STATIC
BOOLEAN
WriteBlock (
  IN volatile UINT8  *Chip,
  IN CONST UINT8     *Data
  )
{
  UINTN    Offset;
  UINTN    Index;
  BOOLEAN  Success;

  *Chip   = CLEAR_STATUS;
  *Chip   = ERASE_BLOCK;
  *Chip   = CONFIRM;
  Success = Succeeds (Chip);
  for (Offset = 0; Success && Offset < BLOCK_SIZE; Offset += BUFFER_SIZE) {
    Chip[Offset] = WRITE_BUFFER;
    Chip[Offset] = BUFFER_SIZE - 1;
    for (Index = 0; Index < BUFFER_SIZE; Index++) {
      Chip[Offset + Index] = Data[Offset + Index];
    }

    Chip[Offset] = CONFIRM;
    Success      = Succeeds (Chip);
  }

  *Chip = READ_ARRAY;
  return Success && CompareMem ((CONST VOID *)Chip, Data, BLOCK_SIZE) == 0;
}

EFI_STATUS
EFIAPI
FmpDeviceSetImageWithStatus (
  IN  CONST VOID                                     *Image,
  IN  UINTN                                          ImageSize,
  IN  CONST VOID                                     *VendorCode        OPTIONAL,
  IN  EFI_FIRMWARE_MANAGEMENT_UPDATE_IMAGE_PROGRESS  Progress           OPTIONAL,
  IN  UINT32                                         CapsuleFwVersion,
  OUT CHAR16                                         **AbortReason,
  OUT UINT32                                         *LastAttemptStatus
  )
{
  UINTN  Offset;
  CHAR8  Line[64];
  UINTN  Length;

  *LastAttemptStatus = LAST_ATTEMPT_STATUS_SUCCESS;
  for (Offset = 0; Offset < CODE_SIZE; Offset += BLOCK_SIZE) {
    //
    // For who watches from outside.
    //
    Length = AsciiSPrint (Line, sizeof (Line), "uefi: writing %d/%d\r\n", Offset, CODE_SIZE);
    SerialPortWrite ((UINT8 *)Line, Length);
    if (!WriteBlock ((volatile UINT8 *)(UINTN)(CODE_BASE + Offset), (CONST UINT8 *)Image + Offset)) {
      *LastAttemptStatus = LAST_ATTEMPT_STATUS_ERROR_UNSUCCESSFUL;
      return EFI_DEVICE_ERROR;
    }
  }

  return EFI_SUCCESS;
}

EFI_STATUS
EFIAPI
FmpDeviceSetImage (
  IN  CONST VOID                                     *Image,
  IN  UINTN                                          ImageSize,
  IN  CONST VOID                                     *VendorCode        OPTIONAL,
  IN  EFI_FIRMWARE_MANAGEMENT_UPDATE_IMAGE_PROGRESS  Progress           OPTIONAL,
  IN  UINT32                                         CapsuleFwVersion,
  OUT CHAR16                                         **AbortReason
  )
{
  UINT32  Status;

  return FmpDeviceSetImageWithStatus (Image, ImageSize, VendorCode, Progress, CapsuleFwVersion, AbortReason, &Status);
}

EFI_STATUS
EFIAPI
FmpDeviceCheckImageWithStatus (
  IN  CONST VOID  *Image,
  IN  UINTN       ImageSize,
  OUT UINT32      *ImageUpdatable,
  OUT UINT32      *LastAttemptStatus
  )
{
  *ImageUpdatable    = ImageSize == CODE_SIZE ? IMAGE_UPDATABLE_VALID : IMAGE_UPDATABLE_INVALID_TYPE;
  *LastAttemptStatus = LAST_ATTEMPT_STATUS_SUCCESS;
  return EFI_SUCCESS;
}

EFI_STATUS
EFIAPI
FmpDeviceCheckImage (
  IN  CONST VOID  *Image,
  IN  UINTN       ImageSize,
  OUT UINT32      *ImageUpdatable
  )
{
  UINT32  Status;

  return FmpDeviceCheckImageWithStatus (Image, ImageSize, ImageUpdatable, &Status);
}

EFI_STATUS
EFIAPI
FmpDeviceGetSize (
  OUT UINTN  *Size
  )
{
  *Size = CODE_SIZE;
  return EFI_SUCCESS;
}

EFI_STATUS
EFIAPI
FmpDeviceGetAttributes (
  OUT UINT64  *Supported,
  OUT UINT64  *Setting
  )
{
  *Supported = IMAGE_ATTRIBUTE_IMAGE_UPDATABLE | IMAGE_ATTRIBUTE_RESET_REQUIRED |
               IMAGE_ATTRIBUTE_AUTHENTICATION_REQUIRED | IMAGE_ATTRIBUTE_IN_USE;
  *Setting = *Supported;
  return EFI_SUCCESS;
}

EFI_STATUS
EFIAPI
FmpDeviceGetVersion (
  OUT UINT32  *Version
  )
{
  *Version = CAPSULE_VERSION;
  return EFI_SUCCESS;
}

EFI_STATUS
EFIAPI
FmpDeviceGetLowestSupportedVersion (
  OUT UINT32  *LowestSupportedVersion
  )
{
  *LowestSupportedVersion = CAPSULE_LOWEST_VERSION;
  return EFI_SUCCESS;
}

//
// Not needed by FmpDxe, or done by itself where this returns EFI_UNSUPPORTED.
//

EFI_STATUS
EFIAPI
FmpDeviceGetVersionString (
  OUT CHAR16  **VersionString
  )
{
  return EFI_UNSUPPORTED;
}

EFI_STATUS
EFIAPI
FmpDeviceGetImageTypeIdGuidPtr (
  OUT EFI_GUID  **Guid
  )
{
  return EFI_UNSUPPORTED;
}

EFI_STATUS
EFIAPI
FmpDeviceGetHardwareInstance (
  OUT UINT64  *HardwareInstance
  )
{
  return EFI_UNSUPPORTED;
}

EFI_STATUS
EFIAPI
FmpDeviceGetImage (
  OUT    VOID   *Image,
  IN OUT UINTN  *ImageSize
  )
{
  return EFI_UNSUPPORTED;
}

EFI_STATUS
EFIAPI
FmpDeviceLock (
  VOID
  )
{
  return EFI_UNSUPPORTED;
}

EFI_STATUS
EFIAPI
FmpDeviceSetContext (
  IN EFI_HANDLE  Handle,
  IN OUT VOID    **Context
  )
{
  return EFI_UNSUPPORTED;
}

EFI_STATUS
EFIAPI
RegisterFmpInstaller (
  IN FMP_DEVICE_LIB_REGISTER_FMP_INSTALLER  Function
  )
{
  return EFI_UNSUPPORTED;
}

EFI_STATUS
EFIAPI
RegisterFmpUninstaller (
  IN FMP_DEVICE_LIB_REGISTER_FMP_UNINSTALLER  Function
  )
{
  return EFI_UNSUPPORTED;
}
