/*
 * api_docs.h - the memory API in words, from tables: an OpenAPI 3.1 description
 * (api_openapi.c) and docs/reference/API.md (api_reference.c). The tests hold every
 * answer to the description.
 */
#ifndef PROXY_API_DOCS_H
#define PROXY_API_DOCS_H

#include "proxy/api.h"

#include <stdio.h>

/*
 * A member of a document. Its type is one of api_types, the name of a schema, or "["
 * and one of these: a list of them.
 */
struct api_member {
	const char *schema, *name, *type, *doc;
	bool optional;
};

struct api_type {
	const char *name, *schema; /* JSON Schema */
	const char *said;          /* in a page */
};

struct api_parameter {
	enum api_query bit;
	const char *name, *type, *doc;
};

extern const struct api_member api_members[];
extern const struct api_type api_types[];
extern const struct api_parameter api_parameters[];
extern const size_t api_n_members, api_n_types, api_n_parameters;

const struct api_type *api_type_find(const char *name); /* NULL: a schema's name */
bool api_is_lines(const char *schema);

json_t *api_openapi_document(void); /* NULL: out of memory */
void api_reference(FILE *to);

#endif
