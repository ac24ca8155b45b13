// SPDX-License-Identifier: GPL-2.0-only
/*
 * biosmtd: shows the BIOS chip of QEMU's q35, which is below 4 GiB, as two MTD partitions, for tests.
 *
 * Drivers of real machines, such as ichxrom and spi-intel-pci, are loaded for the LPC bridge or its neighbour, and so is
 * this one. The chip is a CFI one of Intel's command set: physmap, cfi_probe and cfi_cmdset_0001 do the rest.
 */
#include <linux/module.h>
#include <linux/mtd/partitions.h>
#include <linux/mtd/physmap.h>
#include <linux/pci.h>
#include <linux/platform_device.h>

/* OVMF of 4 MiB: OVMF_VARS_4M.fd and OVMF_CODE_4M.fd one after the other, and the last byte is the last below 4 GiB. */
#define CHIP_SIZE	0x400000
#define CHIP_START	(0x100000000 - CHIP_SIZE)
#define VARS_SIZE	0x84000

static struct mtd_partition partitions[] = {
	{ .name = "bios-vars", .offset = 0, .size = VARS_SIZE },
	{ .name = "bios-code", .offset = VARS_SIZE, .size = CHIP_SIZE - VARS_SIZE },
};

static struct physmap_flash_data chip = {
	.width = 1,
	.probe_type = "cfi_probe",
	.parts = partitions,
	.nr_parts = ARRAY_SIZE(partitions),
};

static struct platform_device *device;

static int __init biosmtd_init(void)
{
	struct resource window = DEFINE_RES_MEM(CHIP_START, CHIP_SIZE);

	device = platform_device_register_resndata(NULL, "physmap-flash", PLATFORM_DEVID_NONE, &window, 1, &chip,
						   sizeof(chip));
	return PTR_ERR_OR_ZERO(device);
}

static void __exit biosmtd_exit(void)
{
	platform_device_unregister(device);
}

module_init(biosmtd_init);
module_exit(biosmtd_exit);

static const struct pci_device_id __maybe_unused biosmtd_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_INTEL, PCI_DEVICE_ID_INTEL_ICH9_8) },	/* q35's LPC bridge */
	{}
};
MODULE_DEVICE_TABLE(pci, biosmtd_ids);
MODULE_SOFTDEP("pre: physmap cfi_probe cfi_cmdset_0001 map_rom");
MODULE_DESCRIPTION("QEMU's BIOS chip as MTD, for tests");
MODULE_LICENSE("GPL");
