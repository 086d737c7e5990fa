/*
 * replay.c - runs a fuzz target over the files of its corpus, without libFuzzer.
 *
 * fuzz_x DIRECTORY... Exits 1 where a directory has no file that can be read:
 * an empty corpus is a mistake.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	long size;
	int rc = -1;

	if (f == NULL)
		return -1;
	if (fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
		goto out;
	rewind(f);
	/* Of just its size, so that the sanitizer sees a read beyond it. */
	data = malloc(size ? (size_t)size : 1);
	if (data == NULL || fread(data, 1, (size_t)size, f) != (size_t)size)
		goto out;
	LLVMFuzzerTestOneInput(data, (size_t)size);
	rc = 0;
out:
	free(data);
	fclose(f);
	return rc;
}

static int is_file(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* The number of files replayed, or -1 where one could not be. */
static int replay_directory(const char *directory)
{
	struct dirent **entries;
	int n = scandir(directory, &entries, is_file, alphasort);
	int done = n;

	if (n < 0) {
		perror(directory);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		if (replay(path) != 0) {
			perror(path);
			done = -1;
		}
		free(entries[i]);
	}
	free(entries);
	return done;
}

int main(int argc, char **argv)
{
	int rc = argc > 1 ? 0 : 1;

	for (int i = 1; i < argc; i++) {
		int n = replay_directory(argv[i]);

		printf("%s: %d inputs\n", argv[i], n > 0 ? n : 0);
		if (n <= 0)
			rc = 1;
	}
	return rc;
}
