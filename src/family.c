/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names the socket families, as include/linux/socket.h of the kernel numbers them. */
#include "family.h"

#include <strings.h>

static const char *const names[FAMILY_MAX] = {
	"unspec",   "unix",	  "inet",    "ax25",	  "ipx",     "appletalk", "netrom",
	"bridge",   "atmpvc",	  "x25",     "inet6",	  "rose",    "decnet",	  "netbeui",
	"security", "key",	  "netlink", "packet",	  "ash",     "econet",	  "atmsvc",
	"rds",	    "sna",	  "irda",    "pppox",	  "wanpipe", "llc",	  "ib",
	"mpls",	    "can",	  "tipc",    "bluetooth", "iucv",    "rxrpc",	  "isdn",
	"phonet",   "ieee802154", "caif",    "alg",	  "nfc",     "vsock",	  "kcm",
	"qipcrtr",  "smc",	  "xdp",     "mctp",
};

int family_find(const char *name)
{
	int i;

	if (strncasecmp(name, "AF_", 3) == 0)
		name += 3;
	for (i = 0; i < FAMILY_MAX; i++)
		if (strcasecmp(name, names[i]) == 0)
			return i;
	if (strcasecmp(name, "local") == 0 || strcasecmp(name, "file") == 0)
		return 1;
	return strcasecmp(name, "route") == 0 ? 16 : -1;
}

const char *family_name(unsigned number)
{
	return number < FAMILY_MAX ? names[number] : NULL;
}
