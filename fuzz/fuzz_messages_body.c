/* fuzz_messages_body.c - reading a body of Anthropic's messages and putting a block into
 * it. */
#include "body_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_body(&dialect_messages, (struct str){ (const char *)data, size });
	return 0;
}
