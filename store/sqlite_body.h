/*
 * sqlite_body.h - the texts of an exchange as one blob that lies in pages of its own.
 *
 * When SQLite moves a row from one page of a B-tree to another, its old bytes
 * stay in the free part of the first page, where secure_delete does not come:
 * of a few hundred exchanges deleted, some can still be read in the file
 * afterwards (measured with 3.40). What a row has in overflow pages is never
 * moved, and an overflow page is zeroed when it is freed. So no text may be in
 * the part of a row that lies in the B-tree itself.
 *
 * With pages of U bytes, a row of P bytes that does not fit keeps
 * M + (P - M) % (U - 4) bytes in the tree, where M = (U - 12) * 32 / 255 - 23,
 * and the rest fills overflow pages of U - 4 bytes (sqlite.org/fileformat2.html,
 * 1.6). A last column of whole overflow pages thus lies in them altogether, if
 * the columns before it take M bytes at least. With U = 1024 that is 103, and
 * they do: the digests and the header of the row take 109.
 */
#ifndef STORE_SQLITE_BODY_H
#define STORE_SQLITE_BODY_H

#include "store/exchange.h"

#define BODY_PAGE_SIZE 1024
#define BODY_UNIT      (BODY_PAGE_SIZE - 4)

struct arena;

/*
 * The hashes, session, client, model, request_id, user, reply and sources of x. 0,
 * -EINVAL (4 GB), -ENOMEM.
 */
int body_encode(struct arena *mem, const struct exchange *x, struct str *ret);
/* Into the same of x, borrowed from the body. 0; or -EIO where it is none. */
int body_decode(struct str body, struct exchange *x);

#endif
