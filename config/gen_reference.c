/* gen_reference.c - writes docs/reference/CONFIGURATION.md (`ninja reference`). */
#include "config/config.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
	FILE *to = argc == 2 ? fopen(argv[1], "w") : NULL;

	if (to == NULL) {
		fputs("usage: gen_reference FILE\n", stderr);
		return EXIT_FAILURE;
	}
	config_reference(to);
	return fclose(to) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
