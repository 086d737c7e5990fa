/* api_openapi.c - the memory API's description in OpenAPI 3.1. */
#include "proxy/api_docs.h"

#include <string.h>

#define VERSION "1.0.0"

const struct api_type *api_type_find(const char *name)
{
	for (size_t i = 0; i < api_n_types; i++)
		if (strcmp(api_types[i].name, name) == 0)
			return &api_types[i];
	return NULL;
}

bool api_is_lines(const char *schema)
{
	return strcmp(schema, API_LINES) == 0;
}

/* --- schemas ----------------------------------------------------------------- */

static json_t *reference(const char *schema)
{
	return json_pack("{s:o}", "$ref",
			 json_sprintf("#/components/schemas/%s", schema));
}

static json_t *type_schema(const char *type)
{
	const struct api_type *known = api_type_find(type);

	if (type[0] == '[')
		return json_pack("{s:s, s:o}", "type", "array", "items",
				 type_schema(type + 1));
	return known ? json_loads(known->schema, 0, NULL) : reference(type);
}

static json_t *member_schema(const struct api_member *m)
{
	json_t *j = type_schema(m->type);

	if (m->doc[0])
		json_object_set_new(j, "description", json_string(m->doc));
	return j;
}

/* Members of one schema stand together, from *i on. */
static json_t *object_schema(size_t *i)
{
	const char *name = api_members[*i].schema;
	json_t *properties = json_object(), *required = json_array();

	for (; *i < api_n_members && strcmp(api_members[*i].schema, name) == 0; ++*i) {
		const struct api_member *m = &api_members[*i];

		json_object_set_new(properties, m->name, member_schema(m));
		if (!m->optional)
			json_array_append_new(required, json_string(m->name));
	}
	return json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties,
			 "required", required);
}

static json_t *schemas(void)
{
	json_t *all = json_object();

	for (size_t i = 0; i < api_n_members;) {
		const char *name = api_members[i].schema;

		json_object_set_new(all, name, object_schema(&i));
	}
	return all;
}

/* --- operations -------------------------------------------------------------- */

static json_t *content(const char *schema)
{
	if (api_is_lines(schema))
		return json_pack("{s:{s:{s:s, s:s}}}", "application/x-ndjson", "schema",
				 "type", "string", "description",
				 "One document Exchange a line.");
	return json_pack("{s:{s:o}}", "application/json", "schema", reference(schema));
}

static void add_response(json_t *all, const char *status, const char *said,
			 const char *schema)
{
	json_object_set_new(
		all, status,
		json_pack("{s:s, s:o}", "description", said, "content", content(schema)));
}

/* "404 409" or "404:SessionNotFound": a status, and the schema of its body. */
static void add_fault(json_t *all, struct str item)
{
	struct str status = str_before(item, ':');
	struct str schema = str_slice(item, status.len + 1, item.len);
	char code[8], name[64];

	snprintf(code, sizeof(code), "%.*s", STR_ARG(status));
	snprintf(name, sizeof(name), "%.*s", STR_ARG(schema));
	add_response(all, code, "It was refused, or could not be done.",
		     schema.len ? name : "Error");
}

static void add_faults(json_t *all, const char *list)
{
	struct str rest = str_from(list), item;

	while (str_next_item(&rest, ' ', &item))
		add_fault(all, item);
}

static json_t *responses(const struct api_route *r)
{
	json_t *all = json_object();

	add_response(all, "200", "It is done.", r->answer);
	if (!r->open)
		add_faults(all, "400 401 403 503");
	add_faults(all, r->faults);
	return all;
}

static json_t *parameter(const char *name, const char *in, const char *type,
			 const char *doc, bool required)
{
	return json_pack("{s:s, s:s, s:b, s:o, s:s}", "name", name, "in", in, "required",
			 (int)required, "schema", type_schema(type), "description", doc);
}

static json_t *parameters(const struct api_route *r)
{
	json_t *all = json_array();

	for (const char *p = strchr(r->path, '{'); p; p = strchr(p + 1, '{')) {
		char name[32];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(p + 1, "}"), p + 1);
		json_array_append_new(all, parameter(name, "path", "string",
						     "Percent-encoded UTF-8.", true));
	}
	for (size_t i = 0; i < api_n_parameters; i++) {
		const struct api_parameter *p = &api_parameters[i];

		/* What a search is without q is a 400. */
		if (r->query & p->bit)
			json_array_append_new(all, parameter(p->name, "query", p->type,
							     p->doc, p->bit == API_TEXT));
	}
	return all;
}

static json_t *operation(const struct api_route *r)
{
	json_t *j = json_pack("{s:s, s:s, s:o, s:o}", "operationId", r->name, "summary",
			      r->summary, "parameters", parameters(r), "responses",
			      responses(r));

	if (r->body)
		json_object_set_new(j, "requestBody",
				    json_pack("{s:b, s:o}", "required", 1, "content",
					      content(r->body)));
	if (r->open)
		json_object_set_new(j, "security", json_array());
	return j;
}

static void lower(const char *from, char *to, size_t size)
{
	size_t n = 0;

	for (; from[n] && n + 1 < size; n++)
		to[n] = (char)(from[n] | 0x20);
	to[n] = '\0';
}

static json_t *paths(void)
{
	json_t *all = json_object();

	for (size_t i = 0; i < api_n_routes; i++) {
		const struct api_route *r = &api_routes[i];
		json_t *path = json_object_get(all, r->path);
		char method[16];

		if (!path) {
			path = json_object();
			json_object_set_new(all, r->path, path);
		}
		lower(r->method, method, sizeof(method));
		json_object_set_new(path, method, operation(r));
	}
	return all;
}

/* Three of the six fields in which a key may come, and none at all. */
static json_t *security(void)
{
	return json_pack("[{}, {s:[]}, {s:[]}, {s:[]}]", "bearer", "litellm",
			 "anthropic");
}

static json_t *security_schemes(void)
{
	return json_pack("{s:{s:s, s:s}, s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s}}", "bearer",
			 "type", "http", "scheme", "bearer", "litellm", "type", "apiKey",
			 "in", "header", "name", "x-litellm-api-key", "anthropic", "type",
			 "apiKey", "in", "header", "name", "x-api-key");
}

json_t *api_openapi_document(void)
{
	return json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:o, s:o}, s:o}", "openapi",
			 "3.1.0", "info", "title", "memproxy's memory API", "version",
			 VERSION, "description",
			 "What is remembered: to be seen, searched, put right, taken "
			 "along and forgotten. A key sees its own tenant's memory.",
			 "paths", paths(), "components", "schemas", schemas(),
			 "securitySchemes", security_schemes(), "security", security());
}

enum step_result api_openapi(struct request *rq, struct api *api)
{
	(void)api;
	return api_answer(rq, api_openapi_document());
}
