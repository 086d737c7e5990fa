/* routing_info.c - how a request was understood. */
#include "proxy/routing_info.h"

#include "proxy/request.h"

/* A header may hold any bytes; what is not UTF-8 is told as %XX. */
static json_t *text(struct request *rq, struct str s)
{
	json_t *j = s.p ? json_stringn(s.p, s.len) : json_null();

	if (!j) {
		s = header_safe(s, rq->arena);
		j = json_stringn(s.p, s.len);
	}
	return j;
}

static json_t *shown(struct request *rq, struct str header, struct str value)
{
	return header_is_secret(header) ? json_string("***") : text(rq, value);
}

static json_t *matched_pattern(struct request *rq, const struct identity *who)
{
	const struct config_rule *rule = who->rule;

	if (!rule)
		return json_null();
	return json_pack("{s:s, s:o, s:s?, s:s}", "header", rule->header, "value",
			 shown(rq, str_from(rule->header), who->rule_value), "pattern",
			 rule->pattern, "user_id", rule->value);
}

static json_t *headers(struct request *rq)
{
	struct headers h = request_headers(rq);
	json_t *all = json_object();

	for (size_t i = 0; i < h.n; i++) {
		struct str name = header_safe(h.v[i].name, rq->arena);
		json_t *value = shown(rq, h.v[i].name, h.v[i].value);

		json_object_setn_new(all, name.p, name.len, value);
	}
	return all;
}

json_t *routing_info(struct request *rq)
{
	struct session_name session;
	struct identity who;

	router_identify(rq->rules->router, request_headers(rq), NULL, &who);
	router_session(request_headers(rq), NULL, rq->arena, &session);
	return json_pack("{s:{s:o, s:o, s:b, s:b}, s:o, s:o, s:o, s:s?}", "routing",
			 "user_id", text(rq, who.user), "matched_pattern",
			 matched_pattern(rq, &who), "custom_header_present",
			 (int)who.custom_header_present, "is_default",
			 (int)(who.source == USER_DEFAULT), "request_headers",
			 headers(rq), "client", text(rq, who.client), "session",
			 text(rq, session.id), "session_source", session.source);
}
