/*
 * address.c - lists of addresses and CIDR blocks.
 *
 * All are compared as IPv6, where 192.0.2.1 is ::ffff:192.0.2.1 (RFC 4291,
 * section 2.5.5.2): a peer's address counts as the same in both forms.
 */
#include "router/router.h"

#include <arpa/inet.h>
#include <string.h>

enum { MAPPED_BITS = 96 };

struct block {
	unsigned char b[16];
	unsigned bits;
};

/* A zone, as in "fe80::1%eth0", says nothing here. */
static bool parse_address(struct str s, struct block *ret)
{
	static const unsigned char mapped[12] = { [10] = 0xFF, [11] = 0xFF };
	char text[INET6_ADDRSTRLEN];

	s = str_before(s, '%');
	if (s.len == 0 || s.len >= sizeof(text))
		return false;
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	if (inet_pton(AF_INET6, text, ret->b) == 1) {
		ret->bits = 0;
		return true;
	}
	memcpy(ret->b, mapped, sizeof(mapped));
	ret->bits = MAPPED_BITS;
	return inet_pton(AF_INET, text, ret->b + sizeof(mapped)) == 1;
}

/* "10.0.0.0/8", or an address alone, which is a block of one. */
static bool parse_block(struct str s, struct block *ret)
{
	struct str address = str_before(s, '/');
	uint64_t bits;

	if (!parse_address(address, ret))
		return false;
	bits = 128 - ret->bits;
	if (address.len < s.len &&
	    !str_to_u64(str_slice(s, address.len + 1, s.len), &bits))
		return false;
	if (bits > 128 - ret->bits)
		return false;
	ret->bits += (unsigned)bits;
	return true;
}

static bool block_has(const struct block *block, const struct block *address)
{
	unsigned whole = block->bits / 8, rest = block->bits % 8;

	if (memcmp(block->b, address->b, whole) != 0)
		return false;
	return rest == 0 || (block->b[whole] ^ address->b[whole]) >> (8 - rest) == 0;
}

bool address_in_list(struct config_list list, struct str address)
{
	struct block peer, block;

	if (!parse_address(address, &peer))
		return false;
	for (size_t i = 0; i < list.n; i++) {
		if (parse_block(str_trim(str_from(list.v[i])), &block) &&
		    block_has(&block, &peer))
			return true;
	}
	return false;
}
