/* routing_info.h - how a request was understood: GET /memory-routing/info. */
#ifndef PROXY_ROUTING_INFO_H
#define PROXY_ROUTING_INFO_H

#include <jansson.h>

struct request;

/*
 * {"routing":{"user_id","matched_pattern","custom_header_present","is_default"},
 *  "request_headers":{…},"client","session","session_source"}: the original's keys first.
 * Values of headers that hold secrets are masked. NULL when out of memory.
 */
json_t *routing_info(struct request *rq);

#endif
