/* error_body.c - errors as the clients of each API expect them. */
#include "proxy/error_body.h"

#include "memory/dialect.h"

struct str error_body(struct str path, enum fault fault, const char *detail,
		      struct str id, struct arena *a)
{
	const struct api_error e = { fault_info(fault), str_from(detail), id };

	return dialect_of_errors(path)->error_body(&e, a);
}
