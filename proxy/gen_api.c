/* gen_api.c - writes docs/reference/API.md (`ninja reference`). */
#include "proxy/api_docs.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
	FILE *to = argc == 2 ? fopen(argv[1], "w") : NULL;

	if (!to) {
		fputs("usage: gen_api FILE\n", stderr);
		return EXIT_FAILURE;
	}
	api_reference(to);
	return fclose(to) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
