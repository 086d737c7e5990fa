/*
 * fault.c - what can go wrong with a request, and how each is told.
 *
 * The types are those of OpenAI's and Anthropic's error references and of
 * LiteLLM's replies; connection_error/backend_unavailable and
 * timeout_error/request_timeout are what clients of the Python proxy that came
 * before this one know.
 */
#include "base/fault.h"

#include <stddef.h>

#define REQUEST  "invalid_request_error"
#define API      "api_error"
#define TIMEOUT  "timeout_error"
#define OVERLOAD "overloaded_error"

static const struct fault_info table[] = {
	[FAULT_NONE] = { 200, "none", "", "", "", "" },
	[FAULT_BAD_REQUEST] = { 400, "bad_request", REQUEST, "bad_request", REQUEST,
				"The request is not well-formed HTTP." },
	[FAULT_HEAD_TIMEOUT] = { 408, "head_timeout", TIMEOUT, "request_timeout", TIMEOUT,
				 "The request's headers did not arrive in time. Send the "
				 "request again." },
	[FAULT_BODY_TIMEOUT] = { 408, "body_timeout", TIMEOUT, "request_timeout", TIMEOUT,
				 "The request's body did not arrive in time. Send the "
				 "request again." },
	[FAULT_BODY_TOO_LARGE] = { 413, "body_too_large", REQUEST, "request_too_large",
				   "request_too_large",
				   "The request's body is larger than this proxy "
				   "accepts." },
	[FAULT_TARGET_TOO_LONG] = { 414, "target_too_long", REQUEST, "uri_too_long",
				    REQUEST,
				    "The request's URL is longer than this proxy "
				    "accepts." },
	[FAULT_EXPECTATION] = { 417, "expectation", REQUEST, "expectation_failed",
				REQUEST,
				"Only 'Expect: 100-continue' is supported. Leave the "
				"Expect "
				"header out." },
	[FAULT_HEAD_TOO_LARGE] = { 431, "head_too_large", REQUEST, "headers_too_large",
				   REQUEST,
				   "The request's headers are larger or more than this "
				   "proxy "
				   "accepts." },
	[FAULT_NOT_IMPLEMENTED] = { 501, "not_implemented", REQUEST, "not_implemented",
				    REQUEST,
				    "This proxy does not support the request's method or "
				    "Transfer-Encoding." },
	[FAULT_HTTP_VERSION] = { 505, "http_version", REQUEST,
				 "http_version_not_supported", REQUEST,
				 "Only HTTP/1.0 and HTTP/1.1 are supported." },
	[FAULT_BAD_HEADER_VALUE] = { 400, "bad_header_value", REQUEST, "invalid_header",
				     REQUEST,
				     "A header that this proxy reads has a value that it "
				     "does not know." },
	[FAULT_BAD_PARAMETER] = { 400, "bad_parameter", REQUEST, "invalid_parameter",
				  REQUEST,
				  "A part of the request's path, query or body has a "
				  "value that this proxy does not know." },
	[FAULT_UNAUTHORIZED] = { 401, "unauthorized", "authentication_error",
				 "invalid_api_key", "authentication_error",
				 "This needs a key that LiteLLM accepts, as "
				 "'Authorization: "
				 "Bearer …', or the admin key." },
	[FAULT_FORBIDDEN] = { 403, "forbidden", "permission_error", "forbidden",
			      "permission_error",
			      "This key or address may not do that." },
	[FAULT_NOT_FOUND] = { 404, "not_found", "not_found_error", "not_found",
			      "not_found_error", "There is nothing at this URL." },
	[FAULT_METHOD] = { 405, "method", REQUEST, "method_not_allowed", REQUEST,
			   "This URL does not support the request's method." },
	[FAULT_CONFLICT] = { 409, "conflict", REQUEST, "conflict", REQUEST,
			     "This memory is paused, or was forgotten meanwhile." },
	[FAULT_MEDIA_TYPE] = { 415, "media_type", REQUEST, "unsupported_media_type",
			       REQUEST,
			       "Send JSON, and say so: 'Content-Type: "
			       "application/json'." },
	[FAULT_OVERLOADED] = { 503, "overloaded", "service_unavailable", "overloaded",
			       OVERLOAD,
			       "This proxy has reached one of its limits. Try again "
			       "shortly." },
	[FAULT_DRAINING] = { 503, "draining", "service_unavailable", "shutting_down",
			     OVERLOAD,
			     "This proxy is shutting down. Send the request again." },
	[FAULT_STORE] = { 503, "store", "service_unavailable", "store_unavailable",
			  OVERLOAD,
			  "The memory's store failed or did not answer in time. Try "
			  "again "
			  "shortly." },
	[FAULT_KEY_UNCHECKED] = { 503, "key_unchecked", "service_unavailable",
				  "backend_unavailable", OVERLOAD,
				  "LiteLLM could not be asked about this key. Check that "
				  "it "
				  "runs, and try again." },
	[FAULT_INTERNAL] = { 500, "internal", "internal_error", "proxy_error", API,
			     "This proxy failed. Its log tells more under the request's "
			     "id." },
	[FAULT_UPSTREAM_CONNECT] = { 502, "upstream_connect", "connection_error",
				     "backend_unavailable", API,
				     "Backend service unavailable: no connection to "
				     "LiteLLM. "
				     "Check that it runs and that its URL is right." },
	[FAULT_UPSTREAM_CONNECT_TIMEOUT] = { 504, "upstream_connect_timeout", TIMEOUT,
					     "request_timeout", TIMEOUT,
					     "LiteLLM did not accept a connection in "
					     "time. "
					     "Check that it runs and is not "
					     "overloaded." },
	[FAULT_UPSTREAM_FIRST_BYTE] = { 504, "upstream_first_byte", TIMEOUT,
					"request_timeout", TIMEOUT,
					"LiteLLM did not begin to answer in time. Try "
					"again "
					"or use a faster model." },
	[FAULT_UPSTREAM_CLOSED] = { 502, "upstream_closed", "api_connection_error",
				    "upstream_closed", API,
				    "LiteLLM closed the connection without an answer. "
				    "Try "
				    "again." },
	[FAULT_UPSTREAM_PROTOCOL] = { 502, "upstream_protocol", "invalid_response_error",
				      "malformed_response", API,
				      "LiteLLM's answer is not valid HTTP. Check that "
				      "its "
				      "URL points at LiteLLM." },
	[FAULT_UPSTREAM_CUT] = { 502, "upstream_cut", "api_connection_error",
				 "upstream_closed", API,
				 "The answer was cut off: LiteLLM closed the connection "
				 "before its end. Try again." },
};

_Static_assert(sizeof(table) / sizeof(table[0]) == FAULT_N,
	       "every fault has a row; the test looks for gaps");

const struct fault_info *fault_info(enum fault f)
{
	return &table[(unsigned)f < FAULT_N ? f : FAULT_INTERNAL];
}
