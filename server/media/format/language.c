/* SPDX-License-Identifier: MIT */
#include "server/media/format/language.h"

#include <string.h>

enum { PAIR = 5 };

/* "deude": the three letters of ISO 639-2 and the two of ISO 639-1; those that have none are not here. */
static const char pairs[] = "aaraaabkabafrafakaakalbsqamhamaraararganarmhyasmasavaavaveaeaymayazeaz"
			    "bakbabambmbaqeubelbebenbnbisbibodbobosbsbrebrbulbgburmycatcacescschach"
			    "checechizhchucuchvcvcorkwcoscocrecrcymcyczecsdandadeudedivdvdutnldzodz"
			    "ellelengenepoeoesteteuseueweeefaofofasfafijfjfinfifrafrfrefrfryfyfulff"
			    "geokagerdeglagdglegaglgglglvgvgreelgrngngujguhaththauhahebheherhzhinhi"
			    "hmohohrvhrhunhuhyehyiboigiceisidoioiiiiiikuiuileieinaiaindidipkikislis"
			    "itaitjavjvjpnjakalklkanknkaskskatkakaukrkazkkkhmkmkikkikinrwkirkykomkv"
			    "konkgkorkokuakjkurkulaololatlalavlvlimlilinlnlitltltzlblubluluglgmacmk"
			    "mahmhmalmlmaomimarmrmaymsmkdmkmlgmgmltmtmonmnmrimimsamsmyamynaunanavnv"
			    "nblnrndendndongnepnenldnlnnonnnobnbnornonyanyociocojiojoriorormomossos"
			    "panpaperfaplipipolplporptpuspsquequrohrmronrorumrorunrnrusrusagsgsansa"
			    "sinsislksksloskslvslsmesesmosmsnasnsndsdsomsosotstspaessqisqsrdscsrpsr"
			    "sswsssunsuswaswswesvtahtytamtatatttteltetgktgtgltlthathtibbotirtitonto"
			    "tsntntsotstuktkturtrtwitwuigugukrukurduruzbuzvenvevievivolvowelcywlnwa"
			    "wolwoxhoxhyidyiyoryozhazazhozhzulzu";

/* Script Manager languages 0 …, as far as files of QuickTime hold them. */
static const char macintosh[][4] = { "", "fr", "de", "it", "nl", "sv", "es", "da", "pt", "no", "he",
	"ja", "ar", "fi", "el", "is", "mt", "tr", "hr", "zh", "ur", "hi", "th", "ko", "lt", "pl",
	"hu", "et", "lv", "se", "fo", "fa", "ru", "zh", "nl", "ga", "sq", "ro", "cs", "sk", "sl",
	"yi", "sr", "mk", "bg", "uk", "be", "uz", "kk" };

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* 4646 2.1 roughly: subtags of one to eight letters and digits, the first of letters only. */
static bool is_tag(struct bytes name)
{
	size_t in_subtag = 0;

	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = name.p[i];

		if (c == '-' && in_subtag)
			in_subtag = 0;
		else if (!is_letter(c) && (c < '0' || c > '9' || i < 2))
			return false;
		else if (++in_subtag > 8)
			return false;
	}
	return name.n >= 2 && name.n < LANGUAGE_TAG_MAX && in_subtag;
}

void language_of_name(struct bytes name, char out[static LANGUAGE_TAG_MAX])
{
	out[0] = 0;
	if (!is_tag(name) || bytes_is_ieq(name, B("und")) || bytes_is_ieq(name, B("mis")))
		return;
	for (size_t i = 0; name.n == 3 && i + PAIR < sizeof pairs; i += PAIR) {
		if (bytes_is_ieq(name, bytes_of(pairs + i, 3))) {
			memcpy(out, pairs + i + 3, 2);
			out[2] = 0;
			return;
		}
	}
	memcpy(out, name.p, name.n);
	out[name.n] = 0;
}

void language_of_mdhd(uint16_t code, char out[static LANGUAGE_TAG_MAX])
{
	char name[3];

	out[0] = 0;
	if (code < 0x400) {
		if (code < COUNT(macintosh))
			memcpy(out, macintosh[code], sizeof macintosh[code]);
		return;
	}
	for (int i = 0; i < 3; i++)
		name[i] = (char)((code >> (10 - 5 * i) & 31) + 0x60);
	language_of_name(bytes_of(name, 3), out); /* 0x7fff is no name */
}
