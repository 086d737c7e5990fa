/* api_reference.c - docs/reference/API.md, from the tables. */
#include "proxy/api_docs.h"

#include <string.h>

static void print_type(const char *type, FILE *to)
{
	const struct api_type *known;

	if (type[0] == '[') {
		fputs("list of ", to);
		type++;
	}
	known = api_type_find(type);
	if (known)
		fputs(known->said, to);
	else
		fprintf(to, "[%s](#%s)", type, type);
}

static void print_document(const char *schema, FILE *to)
{
	if (api_is_lines(schema))
		fputs("JSON Lines: an [Exchange](#Exchange) on each", to);
	else
		fprintf(to, "[%s](#%s)", schema, schema);
}

static void print_query(const struct api_route *r, FILE *to)
{
	const char *between = "";

	for (size_t i = 0; i < api_n_parameters; i++) {
		if (!(r->query & api_parameters[i].bit))
			continue;
		fprintf(to, "%s`%s`", between, api_parameters[i].name);
		between = ", ";
	}
}

static void print_route(const struct api_route *r, FILE *to)
{
	fprintf(to, "### `%s %s`\n\n%s\n\n", r->method, r->path, r->summary);
	if (r->query) {
		fputs("- query: ", to);
		print_query(r, to);
		fputc('\n', to);
	}
	if (r->body) {
		fputs("- body: ", to);
		print_document(r->body, to);
		fputc('\n', to);
	}
	fputs("- answer: ", to);
	print_document(r->answer, to);
	fputs("\n\n", to);
}

static void print_parameters(FILE *to)
{
	fputs("## Parameters of the query\n\n| name | | |\n|---|---|---|\n", to);
	for (size_t i = 0; i < api_n_parameters; i++) {
		fprintf(to, "| `%s` | ", api_parameters[i].name);
		print_type(api_parameters[i].type, to);
		fprintf(to, " | %s |\n", api_parameters[i].doc);
	}
	fputc('\n', to);
}

static void print_documents(FILE *to)
{
	const char *schema = "";

	fputs("## Documents\n", to);
	for (size_t i = 0; i < api_n_members; i++) {
		const struct api_member *m = &api_members[i];

		if (strcmp(schema, m->schema) != 0) {
			schema = m->schema;
			fprintf(to,
				"\n### <a id=\"%s\"></a>%s\n\n| member | | "
				"|\n|---|---|---|\n",
				schema, schema);
		}
		fprintf(to, "| `%s` | ", m->name);
		print_type(m->type, to);
		fprintf(to, "%s | %s |\n", m->optional ? ", optional" : "", m->doc);
	}
}

void api_reference(FILE *to)
{
	fputs("# The memory API\n\n"
	      "<!-- Made from proxy/api_routes.c and proxy/api_schemas.c: `ninja "
	      "reference`. "
	      "-->\n\n"
	      "What is remembered, to be seen, searched, put right, taken along and "
	      "forgotten: [a guide](../guides/SEE-EDIT-FORGET.md). `GET "
	      "/memory/api/openapi.json` describes it for programs.\n\n"
	      "**Whose.** The memory of the caller's key, which LiteLLM must accept; "
	      "without a key that of requests without one, from this machine alone. The "
	      "admin key opens any (`tenant`). Errors have OpenAI's shape ([HTTP.md]"
	      "(HTTP.md)): 400 what cannot be understood, 401 no good key, 403 another's "
	      "tenant, 404 not there, 409 paused or forgotten meanwhile, 415 not JSON, "
	      "503 the store, or LiteLLM for a key's sake, is away.\n\n"
	      "**Ids** in a path are percent-encoded, a slash in them too. **Times** are "
	      "as in RFC 3339, in UTC. **Changes** are seen by every request that begins "
	      "after the answer, through other proxies on the same store too.\n\n"
	      "## Routes\n\n",
	      to);
	for (size_t i = 0; i < api_n_routes; i++)
		print_route(&api_routes[i], to);
	print_parameters(to);
	print_documents(to);
}
