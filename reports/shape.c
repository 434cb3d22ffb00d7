/* SPDX-License-Identifier: MIT */
#include "reports/shape.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/base/attr.h"
#include "server/base/bytes.h"

#define MUST(n, t)                                             \
	{                                                      \
		.name = n, .type = SHAPE_##t, .required = true \
	}
#define MAY(n, t)                            \
	{                                    \
		.name = n, .type = SHAPE_##t \
	}
#define MUST_OF(n, t, f)                                                    \
	{                                                                   \
		.name = n, .type = SHAPE_##t, .required = true, .fields = f \
	}
#define MAY_OF(n, t, f)                                   \
	{                                                 \
		.name = n, .type = SHAPE_##t, .fields = f \
	}
#define MUST_WORD(n, ...)                                                             \
	{                                                                             \
		.name = n, .type = SHAPE_WORD, .required = true, .words = __VA_ARGS__ \
	}
#define END                  \
	{                    \
		.name = NULL \
	}

static const struct shape run[] = { MUST("program", STRING), MUST("beagle", STRING),
	MUST("started", STRING), MUST("started_ns", INTEGER), MAY("duration_s", NUMBER),
	MAY("parts", INTEGER), MUST("command", STRINGS), MUST("seed", STRING),
	MUST("config_hash", STRING), END };
static const struct shape target[] = { MAY("url", STRING), MAY("banner", STRING),
	MUST("features", STRINGS), END };
static const struct shape setting[] = { MUST("value", SCALAR), MAY("unit", STRING), END };
static const struct shape check[] = { MUST("name", STRING), MUST("value", NULLABLE),
	MUST("limit", NULLABLE), MAY("unit", STRING), MUST("pass", BOOLEAN), END };
static const struct shape validity[] = { MUST("valid", BOOLEAN), MUST("reasons", STRINGS),
	MUST_OF("checks", OBJECTS, check), END };
static const struct shape counter[] = { MUST("value", INTEGER), MAY("unit", STRING), END };
#define MERGE "sum max min mean"
static const struct shape figure[] = { MUST("value", NULLABLE), MAY("unit", STRING),
	MUST_WORD("merge", MERGE), MAY("parts", INTEGER), END };
static const struct shape histogram[] = { MUST("name", STRING), MUST("unit", STRING),
	MUST("origin", STRING), MUST("max", INTEGER), MUST("digits", INTEGER), MUST("n", INTEGER),
	MUST("below", INTEGER), MUST("above", INTEGER), MUST("least", SIGNED), MUST("most", SIGNED),
	MUST("sum", NUMBER), MAY("mean", NUMBER), MAY("p50", INTEGER), MAY("p90", INTEGER),
	MAY("p99", INTEGER), MAY("p999", INTEGER), MUST("counts", PAIRS), END };
static const struct shape column[] = { MUST("name", STRING), MAY("unit", STRING),
	MUST_WORD("merge", MERGE), END };
static const struct shape series[] = { MUST_OF("columns", OBJECTS, column), MUST("rows", ROWS),
	END };
static const struct shape heatmap[] = { MUST("name", STRING), MUST("unit", STRING),
	MUST("edges", NUMBERS), MUST("rows", ROWS), END };
static const struct shape error[] = { MUST("where", STRING), MUST("kind", STRING),
	MUST("count", INTEGER), MAY("example", STRING), END };
static const struct shape conformance_case[] = { MUST("id", STRING), MAY("title", STRING),
	MUST("rfc", STRING), MUST("section", STRING), MUST("level", STRING),
	MUST_WORD("verdict", "pass fail warn skip inconclusive"), MAY("reason", STRING),
	MAY("expected", STRING), MAY("got", STRING), MAY("where", STRING), MUST("clauses", STRINGS),
	MUST("ms", NULLABLE), MAY("evidence", STRING), END };
static const struct shape coverage[] = { MUST("rfc", STRING), MUST("section", STRING),
	MUST("total", INTEGER), MUST("cases", INTEGER), MUST("passive", INTEGER),
	MUST("untestable", INTEGER), MUST("unproven", INTEGER), END };
static const struct shape finding[] = { MUST("clause", STRING), MAY("level", STRING),
	MAY("where", STRING), MAY("why", STRING), MUST("count", INTEGER), END };
static const struct shape difference[] = { MUST("what", STRING), MAY("captured", STRING),
	MAY("live", STRING), END };
static const struct shape step[] = { MUST("method", STRING), MAY("url", STRING),
	MUST("captured_at_ms", NULLABLE), MUST("live_at_ms", NULLABLE),
	MUST("captured_status", INTEGER), MUST("live_status", INTEGER),
	MUST("captured_ms", NULLABLE), MUST("live_ms", NULLABLE),
	MUST_WORD("verdict", "same differs no-answer not-sent"),
	MUST_OF("differences", OBJECTS, difference), END };
static const struct shape stream[] = { MUST("name", STRING), MUST("captured_packets", INTEGER),
	MUST("captured_bytes", INTEGER), MUST("captured_span_s", NULLABLE),
	MUST("captured_lost", INTEGER), MUST("live_packets", INTEGER), MUST("live_bytes", INTEGER),
	MUST("live_span_s", NULLABLE), MUST("live_lost", INTEGER), END };

const struct shape shape_result[] = { MUST_WORD("format", "beagle-result"),
	MUST("version", INTEGER), MUST_WORD("kind", "load conformance replay"),
	MUST_OF("run", OBJECT, run), MUST("environment", FACTS), MUST_OF("target", OBJECT, target),
	MUST_OF("config", MAP, setting), MUST("notes", STRINGS),
	MUST_OF("validity", OBJECT, validity), MUST_OF("gates", OBJECTS, check),
	MUST_OF("counters", MAP, counter), MUST_OF("figures", MAP, figure),
	MUST_OF("errors", OBJECTS, error), MAY_OF("histograms", OBJECTS, histogram),
	MAY_OF("series", OBJECT, series), MAY_OF("heatmaps", OBJECTS, heatmap),
	MAY_OF("cases", OBJECTS, conformance_case), MAY_OF("coverage", OBJECTS, coverage),
	MAY_OF("findings", OBJECTS, finding), MAY_OF("steps", OBJECTS, step),
	MAY_OF("streams", OBJECTS, stream), END };

struct place {
	char *path;
	size_t cap;
	const char *why;
};

/* Names in a path come from the file: only plain ones are shown. */
static void prepend(struct place *p, const char *name, size_t index)
{
	char old[256], shown[48] = "?";
	bool plain = name && *name && strlen(name) < sizeof shown;

	for (const char *s = name; plain && *s; s++)
		plain = *s > 0x20 && *s < 0x7f;
	if (plain)
		(void)snprintf(shown, sizeof shown, "%s", name);
	(void)snprintf(old, sizeof old, "%s", p->path);
	if (name)
		(void)snprintf(
			p->path, p->cap, "%s%s%s", shown, *old && *old != '[' ? "." : "", old);
	else
		(void)snprintf(
			p->path, p->cap, "[%zu]%s%s", index, *old && *old != '[' ? "." : "", old);
}

static bool is_word(const json_t *v, const char *words)
{
	struct bytes rest = bytes_str(words), word;

	if (!json_is_string(v))
		return false;
	while (bytes_cut(&rest, ' ', &word)) {
		if (bytes_is_eq(word, bytes_of(json_string_value(v), json_string_length(v))))
			return true;
	}
	return false;
}

/* A string that C can hold. */
static bool is_text(const json_t *v)
{
	return json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v);
}

static bool is_integer(const json_t *v)
{
	return json_is_integer(v) && json_integer_value(v) >= 0;
}

static bool is_pair(const json_t *v)
{
	return json_is_array(v) && json_array_size(v) == 2 && is_integer(json_array_get(v, 0)) &&
	       is_integer(json_array_get(v, 1));
}

static bool is_row(const json_t *v)
{
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *x = json_array_get(v, i);
		if (!json_is_number(x) && !json_is_null(x))
			return false;
	}
	return json_is_array(v) && json_array_size(v) > 0;
}

static bool is_number(const json_t *v)
{
	return json_is_number(v) && isfinite(json_number_value(v));
}

static bool is_scalar(const json_t *v)
{
	return is_text(v) || is_number(v);
}

static bool is_nullable(const json_t *v)
{
	return json_is_null(v) || is_number(v);
}

static bool is_signed(const json_t *v)
{
	return json_is_integer(v);
}

static bool is_boolean(const json_t *v)
{
	return json_is_boolean(v);
}

/* How a value of each type is checked: itself, each element or each member by `is`, or as an object
 * by its table. */
static const struct rule {
	bool (*is)(const json_t *v);
	enum { ITSELF, ELEMENTS, MEMBERS } of;
	const char *why;
} rules[] = {
	[SHAPE_STRING] = { is_text, ITSELF, "a string is expected here" },
	[SHAPE_INTEGER] = { is_integer, ITSELF,
		"an integer that is not negative is expected here" },
	[SHAPE_SIGNED] = { is_signed, ITSELF, "an integer is expected here" },
	[SHAPE_NUMBER] = { is_number, ITSELF, "a number is expected here" },
	[SHAPE_NULLABLE] = { is_nullable, ITSELF, "a number or null is expected here" },
	[SHAPE_BOOLEAN] = { is_boolean, ITSELF, "true or false is expected here" },
	[SHAPE_WORD] = { NULL, ITSELF, "not one of the words that are allowed here" },
	[SHAPE_SCALAR] = { is_scalar, ITSELF, "a string or a number is expected here" },
	[SHAPE_OBJECT] = { NULL, ITSELF, "an object is expected here" },
	[SHAPE_OBJECTS] = { NULL, ELEMENTS, "an array of objects is expected here" },
	[SHAPE_MAP] = { NULL, MEMBERS, "an object of objects is expected here" },
	[SHAPE_STRINGS] = { is_text, ELEMENTS, "an array of strings is expected here" },
	[SHAPE_FACTS] = { is_text, MEMBERS, "an object of strings is expected here" },
	[SHAPE_ROWS] = { is_row, ELEMENTS, "an array of rows of numbers is expected here" },
	[SHAPE_PAIRS] = { is_pair, ELEMENTS, "an array of pairs of integers is expected here" },
	[SHAPE_NUMBERS] = { is_number, ELEMENTS, "an array of numbers is expected here" },
};

static bool check_object(const json_t *object, const struct shape *fields, struct place *p);

static bool check_one(const json_t *v, const struct shape *s, struct place *p)
{
	const struct rule *rule = &rules[s->type];
	bool good = true;

	if (s->fields)
		return check_object(v, s->fields, p);
	if (s->type == SHAPE_WORD)
		good = is_word(v, s->words);
	else if (rule->is)
		good = rule->is(v);
	if (!good)
		p->why = rule->why;
	return good;
}

static bool check_value(json_t *v, const struct shape *s, struct place *p)
{
	const struct rule *rule = &rules[s->type];
	const char *name;
	json_t *member;

	p->why = rule->why;
	if (rule->of == ITSELF)
		return check_one(v, s, p);
	if (rule->of == ELEMENTS) {
		for (size_t i = 0; i < json_array_size(v); i++) {
			if (!check_one(json_array_get(v, i), s, p)) {
				prepend(p, NULL, i);
				return false;
			}
		}
		return json_is_array(v);
	}
	json_object_foreach(v, name, member)
	{
		if (!check_one(member, s, p)) {
			prepend(p, name, 0);
			return false;
		}
	}
	return json_is_object(v);
}

static bool check_object(const json_t *object, const struct shape *fields, struct place *p)
{
	if (!json_is_object(object)) {
		p->why = "an object is expected here";
		return false;
	}
	for (const struct shape *s = fields; s->name; s++) {
		json_t *v = json_object_get(object, s->name);
		bool good = v ? check_value(v, s, p) : !s->required;

		if (!v && !good)
			p->why = "is missing";
		if (!good) {
			prepend(p, s->name, 0);
			return false;
		}
	}
	return true;
}

bool shape_check(const json_t *object, const struct shape *fields, char *path, size_t path_cap,
	const char **why)
{
	struct place p = { path, path_cap, "" };
	bool good;

	*path = 0;
	good = check_object(object, fields, &p);
	*why = p.why;
	return good;
}
