// SPDX-License-Identifier: GPL-2.0-only
/*
 * nicsim: a network adapter with firmware, for tests.
 *
 * It is QEMU's ivshmem-plain. The file behind its BAR 2 is the adapter's flash: it outlives resets and power cuts, and
 * the file can be read, and faults set in it, while the machine runs. Its layout is struct flash, then two
 * banks of which each holds one image; the rack (firmware_nic.rs) makes both. All numbers are little-endian.
 *
 * The adapter's own firmware, which boots with the adapter, is nicsim_boot(). The rest is its driver: devlink as drivers
 * of real adapters have it, and a network port without a cable.
 */
#include <linux/crc32.h>
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/firmware.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <net/devlink.h>

#define FLASH_MAGIC	0x4643494e	/* "NICF" */
#define IMAGE_MAGIC	0x4d495746	/* "FWIM" */
#define BANK_OFFSET	0x1000
#define BANK_SIZE	0x60000
#define CHUNK		4096

enum activation { BY_RELOAD, BY_RESET, BY_POWER_CYCLE };

struct flash {
	u32 magic;
	u32 next_bank;		/* the one to boot */
	u32 running_bank;
	u32 boots;
	u32 chunks;		/* written since the flash was created */
	u32 power_ons;		/* counted by the rack */
	u32 booted_at;		/* power_ons at the last boot */
	u32 activation;
	u32 write_error;	/* percentage at which a write fails; 0: never */
	u32 corruption;		/* not 0: a bit flips in the next image, undetected */
	u32 chunk_ms;		/* minimum time per chunk */
	char psid[16];
	char board_id[16];
	char serial[16];
	u8 mac[ETH_ALEN];
};

struct image {
	u32 magic;
	u32 length;		/* of the payload */
	u32 crc;		/* of the payload */
	u32 security_revision;
	char psid[16];
	char version[32];
	char undi[32];
	u8 payload[];
};

struct nicsim {
	struct pci_dev *pdev;
	struct devlink_port port;
	struct net_device *netdev;
	struct flash *flash;
	bool recovery;		/* neither bank has an image */
};

static struct image *bank(struct nicsim *nic, u32 number)
{
	return (void *)nic->flash + BANK_OFFSET + (number & 1) * BANK_SIZE;
}

static bool is_whole(const struct image *image)
{
	return image->magic == IMAGE_MAGIC && image->length <= BANK_SIZE - sizeof(*image) &&
	       image->crc == (crc32(~0, image->payload, image->length) ^ ~0);
}

static void nicsim_boot(struct nicsim *nic)
{
	struct flash *flash = nic->flash;

	flash->boots++;
	flash->booted_at = flash->power_ons;
	flash->running_bank = flash->next_bank & 1;
	if (!is_whole(bank(nic, flash->running_bank)))
		flash->running_bank ^= 1;
	nic->recovery = !is_whole(bank(nic, flash->running_bank));
}

static int nicsim_info_get(struct devlink *devlink, struct devlink_info_req *req, struct netlink_ext_ack *extack)
{
	const enum devlink_info_version_type component = DEVLINK_INFO_VERSION_TYPE_COMPONENT;
	struct nicsim *nic = devlink_priv(devlink);
	struct image *running = bank(nic, nic->flash->running_bank), *next = bank(nic, nic->flash->next_bank);

	devlink_info_driver_name_put(req, KBUILD_MODNAME);
	devlink_info_serial_number_put(req, nic->flash->serial);
	devlink_info_version_fixed_put(req, "board.id", nic->flash->board_id);
	devlink_info_version_fixed_put(req, "fw.psid", nic->flash->psid);
	if (nic->recovery)
		return devlink_info_version_running_put(req, "fw", "recovery");
	devlink_info_version_running_put_ext(req, "fw", running->version, component);
	devlink_info_version_running_put(req, "fw.undi", running->undi);
	if (is_whole(next)) {
		devlink_info_version_stored_put_ext(req, "fw", next->version, component);
		devlink_info_version_stored_put(req, "fw.undi", next->undi);
	}
	return 0;
}

static int nicsim_check(struct nicsim *nic, const struct image *image, size_t size, struct netlink_ext_ack *extack)
{
	if (size < sizeof(*image) || size > BANK_SIZE || image->magic != IMAGE_MAGIC ||
	    image->length != size - sizeof(*image)) {
		NL_SET_ERR_MSG_MOD(extack, "not a firmware image for this device");
		return -EINVAL;
	}
	if (strncmp(image->psid, nic->flash->psid, sizeof(image->psid))) {
		NL_SET_ERR_MSG_MOD(extack, "PSID mismatch between image and board");
		return -EPERM;
	}
	if (!is_whole(image)) {
		NL_SET_ERR_MSG_MOD(extack, "image checksum invalid");
		return -EBADMSG;
	}
	if (!nic->recovery && image->security_revision < bank(nic, nic->flash->running_bank)->security_revision) {
		NL_SET_ERR_MSG_MOD(extack, "image security revision is lower than installed");
		return -EPERM;
	}
	return 0;
}

static int nicsim_flash_update(struct devlink *devlink, struct devlink_flash_update_params *params,
			       struct netlink_ext_ack *extack)
{
	struct nicsim *nic = devlink_priv(devlink);
	struct flash *flash = nic->flash;
	u32 target = flash->running_bank ^ 1;
	u8 *to = (u8 *)bank(nic, target);
	size_t size = params->fw->size, at, length;
	int err;

	devlink_flash_update_status_notify(devlink, "Preparing to flash", params->component, 0, 0);
	err = nicsim_check(nic, (const struct image *)params->fw->data, size, extack);
	if (err)
		return err;
	devlink_flash_update_timeout_notify(devlink, "Erasing", params->component, 30);
	memset(to, 0xff, BANK_SIZE);
	for (at = 0; at < size; at += length) {
		length = min_t(size_t, CHUNK, size - at);
		if (flash->write_error && at * 100 / size >= flash->write_error) {
			NL_SET_ERR_MSG_MOD(extack, "NVM write failed");
			return -EIO;
		}
		memcpy(to + at, params->fw->data + at, length);
		if (flash->corruption && at >= size / 2) {
			to[at] ^= 1;
			flash->corruption = 0;
		}
		flash->chunks++;
		devlink_flash_update_status_notify(devlink, "Flashing", params->component, at + length, size);
		msleep(flash->chunk_ms);
	}
	flash->next_bank = target;
	devlink_flash_update_status_notify(devlink, "Flashing done", params->component, 0, 0);
	return 0;
}

static int nicsim_reload_down(struct devlink *devlink, bool netns_change, enum devlink_reload_action action,
			      enum devlink_reload_limit limit, struct netlink_ext_ack *extack)
{
	struct nicsim *nic = devlink_priv(devlink);

	if (action != DEVLINK_RELOAD_ACTION_FW_ACTIVATE || nic->flash->activation == BY_RELOAD)
		return 0;
	if (nic->flash->activation == BY_RESET)
		NL_SET_ERR_MSG_MOD(extack, "Firmware activation requires a reset");
	else
		NL_SET_ERR_MSG_MOD(extack, "Firmware activation requires a power cycle");
	return -EOPNOTSUPP;
}

static int nicsim_reload_up(struct devlink *devlink, enum devlink_reload_action action,
			    enum devlink_reload_limit limit, u32 *performed, struct netlink_ext_ack *extack)
{
	if (action == DEVLINK_RELOAD_ACTION_FW_ACTIVATE)
		nicsim_boot(devlink_priv(devlink));
	*performed = BIT(action);
	return 0;
}

static const struct devlink_ops nicsim_devlink = {
	.info_get = nicsim_info_get,
	.flash_update = nicsim_flash_update,
	.reload_actions = BIT(DEVLINK_RELOAD_ACTION_DRIVER_REINIT) | BIT(DEVLINK_RELOAD_ACTION_FW_ACTIVATE),
	.reload_down = nicsim_reload_down,
	.reload_up = nicsim_reload_up,
};

static struct nicsim *of_netdev(struct net_device *netdev)
{
	return *(struct nicsim **)netdev_priv(netdev);
}

static netdev_tx_t nicsim_xmit(struct sk_buff *skb, struct net_device *netdev)
{
	dev_kfree_skb(skb);
	return NETDEV_TX_OK;
}

static struct devlink_port *nicsim_devlink_port(struct net_device *netdev)
{
	return &of_netdev(netdev)->port;
}

static const struct net_device_ops nicsim_netdev = {
	.ndo_start_xmit = nicsim_xmit,
	.ndo_get_devlink_port = nicsim_devlink_port,
};

static void nicsim_drvinfo(struct net_device *netdev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	strscpy(info->bus_info, pci_name(of_netdev(netdev)->pdev), sizeof(info->bus_info));
}

static const struct ethtool_ops nicsim_ethtool = {
	.get_drvinfo = nicsim_drvinfo,
	.get_link = ethtool_op_get_link,
};

static int nicsim_add_port(struct nicsim *nic, struct devlink *devlink)
{
	struct devlink_port_attrs attrs = { .flavour = DEVLINK_PORT_FLAVOUR_PHYSICAL };
	struct net_device *netdev;
	int err;

	devlink_port_attrs_set(&nic->port, &attrs);
	err = devlink_port_register(devlink, &nic->port, 0);
	if (err)
		return err;
	netdev = alloc_etherdev(sizeof(nic));
	if (!netdev) {
		err = -ENOMEM;
		goto unregister_port;
	}
	*(struct nicsim **)netdev_priv(netdev) = nic;
	netdev->netdev_ops = &nicsim_netdev;
	netdev->ethtool_ops = &nicsim_ethtool;
	SET_NETDEV_DEV(netdev, &nic->pdev->dev);
	eth_hw_addr_set(netdev, nic->flash->mac);
	netif_carrier_off(netdev);
	err = register_netdev(netdev);
	if (err)
		goto free_netdev;
	devlink_port_type_eth_set(&nic->port, netdev);
	nic->netdev = netdev;
	return 0;

free_netdev:
	free_netdev(netdev);
unregister_port:
	devlink_port_unregister(&nic->port);
	return err;
}

static int nicsim_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct devlink *devlink;
	struct nicsim *nic;
	int err;

	err = pcim_enable_device(pdev);
	if (err)
		return err;
	devlink = devlink_alloc(&nicsim_devlink, sizeof(*nic), &pdev->dev);
	if (!devlink)
		return -ENOMEM;
	nic = devlink_priv(devlink);
	nic->pdev = pdev;
	pci_set_drvdata(pdev, devlink);
	nic->flash = devm_memremap(&pdev->dev, pci_resource_start(pdev, 2), pci_resource_len(pdev, 2), MEMREMAP_WB);
	err = PTR_ERR_OR_ZERO(nic->flash);
	if (err)
		goto free_devlink;
	err = -ENODEV;
	if (pci_resource_len(pdev, 2) < BANK_OFFSET + 2 * BANK_SIZE || nic->flash->magic != FLASH_MAGIC)
		goto free_devlink;

	/* A reset of the machine boots the adapter too, unless its firmware waits for a power cycle. */
	if (nic->flash->activation != BY_POWER_CYCLE || nic->flash->booted_at != nic->flash->power_ons)
		nicsim_boot(nic);
	devlink_set_features(devlink, DEVLINK_F_RELOAD);
	devlink_register(devlink);
	err = nicsim_add_port(nic, devlink);
	if (!err)
		return 0;
	devlink_unregister(devlink);

free_devlink:
	devlink_free(devlink);
	return err;
}

static void nicsim_remove(struct pci_dev *pdev)
{
	struct devlink *devlink = pci_get_drvdata(pdev);
	struct nicsim *nic = devlink_priv(devlink);

	devlink_port_type_clear(&nic->port);
	unregister_netdev(nic->netdev);
	free_netdev(nic->netdev);
	devlink_port_unregister(&nic->port);
	devlink_unregister(devlink);
	devlink_free(devlink);
}

static const struct pci_device_id nicsim_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_REDHAT_QUMRANET, 0x1110) },	/* ivshmem */
	{}
};
MODULE_DEVICE_TABLE(pci, nicsim_ids);

static struct pci_driver nicsim_driver = {
	.name = KBUILD_MODNAME,
	.id_table = nicsim_ids,
	.probe = nicsim_probe,
	.remove = nicsim_remove,
};
module_pci_driver(nicsim_driver);

MODULE_DESCRIPTION("A network adapter with firmware, for tests");
MODULE_LICENSE("GPL");
