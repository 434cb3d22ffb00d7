/* SPDX-License-Identifier: MIT */
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A player that is not ours, for ci/clients: GStreamer's RTSP and RTP stack, libavcodec's decoders. Plays
 * URI (rtsp:// or file://) as fast as it comes and prints, in the order of decoding,
 *
 *   video PTS_NS MD5       each picture: md5 of its planes without padding, as ffmpeg's framemd5 has it
 *   audio RATE CHANNELS SAMPLES PTS_NS    at the end: what was written to --audio FILE (32-bit float)
 *   seek POSITION_NS       after --seek: where the first buffer's segment begins
 *   end WHY
 *
 *   gst-client URI [--protocol udp|tcp] [--video N] [--audio-samples N] [--audio FILE] [--seek SECONDS]
 *
 * Ends when N pictures and N samples (0: none wanted, the default) are there, or at the end of the stream,
 * an error, or after 30 s without either. With --seek what is counted comes after the seek, which is
 * made when every kind that is wanted has begun. Exit 0: all came; 1: not; 2: usage.
 */
struct player;

/* One kind of stream: the first of its kind counts. */
struct branch {
	struct player *player;
	bool is_video, is_taken, is_flushed;
	guint64 want, n;
};

struct player {
	GstElement *pipe;
	const char *uri, *audio_file;
	guint protocols;
	struct branch video, sound;
	GstClockTime audio_pts;
	int rate, channels;
	double seek;
	bool has_sought;
	FILE *audio;
	GMutex lock;
};

static bool has_all(const struct player *p)
{
	return p->video.n >= p->video.want && p->sound.n >= p->sound.want;
}

static bool has_begun(const struct player *p)
{
	return (!p->video.want || p->video.n) && (!p->sound.want || p->sound.n);
}

static void tell(struct player *p, const char *name)
{
	gst_element_post_message(
		p->pipe, gst_message_new_application(NULL, gst_structure_new_empty(name)));
}

/* Whether it is to be compared: all, or what comes after the seek. */
static bool counts(const struct branch *b)
{
	return b->player->seek < 0 || b->is_flushed;
}

/* Called with the lock held, after something was counted. */
static void check(struct player *p)
{
	if (p->seek >= 0 && !p->has_sought) {
		if (has_begun(p))
			tell(p, "begun");
	} else if (has_all(p) && (!p->video.want || counts(&p->video)) &&
		   (!p->sound.want || counts(&p->sound))) {
		tell(p, "all");
	}
}

static void on_picture(struct player *p, GstSample *sample)
{
	GstVideoInfo info;
	GstVideoFrame f;
	GstBuffer *b = gst_sample_get_buffer(sample);
	if (!gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) ||
		!gst_video_frame_map(&f, &info, b, GST_MAP_READ))
		return;
	GChecksum *md5 = g_checksum_new(G_CHECKSUM_MD5);
	for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(&f); c++) {
		const guint8 *row = GST_VIDEO_FRAME_COMP_DATA(&f, c);
		int w = GST_VIDEO_FRAME_COMP_WIDTH(&f, c) * GST_VIDEO_FRAME_COMP_PSTRIDE(&f, c);
		for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&f, c); y++)
			g_checksum_update(
				md5, row + (gssize)y * GST_VIDEO_FRAME_COMP_STRIDE(&f, c), w);
	}
	gst_video_frame_unmap(&f);
	g_mutex_lock(&p->lock);
	if (counts(&p->video) && p->video.n < p->video.want)
		printf("video %lld %s\n",
			GST_BUFFER_PTS_IS_VALID(b) ? (long long)GST_BUFFER_PTS(b) : -1LL,
			g_checksum_get_string(md5));
	p->video.n++;
	check(p);
	g_mutex_unlock(&p->lock);
	g_checksum_free(md5);
}

static void on_sound(struct player *p, GstSample *sample)
{
	GstBuffer *b = gst_sample_get_buffer(sample);
	GstStructure *s = gst_caps_get_structure(gst_sample_get_caps(sample), 0);
	GstMapInfo map;
	if (!gst_buffer_map(b, &map, GST_MAP_READ))
		return;
	g_mutex_lock(&p->lock);
	gst_structure_get_int(s, "rate", &p->rate);
	gst_structure_get_int(s, "channels", &p->channels);
	if (!p->sound.n)
		p->audio_pts = GST_BUFFER_PTS(b);
	if (p->audio && counts(&p->sound))
		fwrite(map.data, 1, map.size, p->audio);
	p->sound.n += map.size / 4 / (guint64)(p->channels ? p->channels : 1);
	check(p);
	g_mutex_unlock(&p->lock);
	gst_buffer_unmap(b, &map);
}

static GstFlowReturn on_sample(GstAppSink *sink, gpointer arg)
{
	struct branch *b = arg;
	GstSample *sample = gst_app_sink_pull_sample(sink);
	if (!sample)
		return GST_FLOW_FLUSHING;
	if (b->is_video)
		on_picture(b->player, sample);
	else
		on_sound(b->player, sample);
	gst_sample_unref(sample);
	return GST_FLOW_OK;
}

/* What came before a seek's flush is not counted. */
static GstPadProbeReturn on_event(GstPad *pad, GstPadProbeInfo *info, gpointer arg)
{
	struct branch *b = arg;
	GstEvent *e = GST_PAD_PROBE_INFO_EVENT(info);
	const GstSegment *segment;
	(void)pad;
	g_mutex_lock(&b->player->lock);
	if (GST_EVENT_TYPE(e) == GST_EVENT_FLUSH_STOP && b->player->has_sought) {
		b->is_flushed = true;
		b->n = 0;
	} else if (GST_EVENT_TYPE(e) == GST_EVENT_SEGMENT && b->is_flushed) {
		gst_event_parse_segment(e, &segment);
		printf("seek %lld\n", (long long)segment->time);
	}
	g_mutex_unlock(&b->player->lock);
	return GST_PAD_PROBE_OK;
}

static GstElement *add(struct player *p, const char *factory)
{
	GstElement *e = gst_element_factory_make(factory, NULL);
	if (!e) {
		fprintf(stderr, "gst-client: no element %s\n", factory);
		exit(2);
	}
	gst_bin_add(GST_BIN(p->pipe), e);
	gst_element_sync_state_with_parent(e);
	return e;
}

static GstElement *add_counted(struct player *p, struct branch *b)
{
	GstAppSinkCallbacks on = { .new_sample = on_sample };
	GstElement *sink = add(p, "appsink");
	b->is_taken = true;
	gst_app_sink_set_callbacks(GST_APP_SINK(sink), &on, b, NULL);
	GstPad *in = gst_element_get_static_pad(sink, "sink");
	gst_pad_add_probe(in, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_EVENT_FLUSH,
		on_event, b, NULL);
	gst_object_unref(in);
	return sink;
}

/* pad ! [audioconvert ! float !] appsink; what is not wanted goes to a fakesink */
static void on_pad(GstElement *bin, GstPad *pad, gpointer arg)
{
	struct player *p = arg;
	GstCaps *caps = gst_pad_get_current_caps(pad);
	if (!caps) /* not yet: what it will be */
		caps = gst_pad_query_caps(pad, NULL);
	const char *name = caps && gst_caps_get_size(caps) > 0
				   ? gst_structure_get_name(gst_caps_get_structure(caps, 0))
				   : "";
	bool is_video = strcmp(name, "video/x-raw") == 0,
	     is_audio = strcmp(name, "audio/x-raw") == 0;
	struct branch *b = is_video ? &p->video : &p->sound;
	bool is_wanted = (is_video || is_audio) && b->want && !b->is_taken;
	GstElement *sink = is_wanted ? add_counted(p, b) : add(p, "fakesink");
	(void)bin;
	g_object_set(sink, "sync", FALSE, "async", FALSE, NULL);
	if (is_wanted && is_audio) {
		/* no dither: the samples are to be compared */
		GstElement *convert = add(p, "audioconvert");
		gst_util_set_object_arg(G_OBJECT(convert), "dithering", "none");
		GstCaps *f32 = gst_caps_from_string("audio/x-raw,format=F32LE,layout=interleaved");
		gst_element_link_filtered(convert, sink, f32);
		gst_caps_unref(f32);
		sink = convert;
	}
	GstPad *to = gst_element_get_static_pad(sink, "sink");
	gst_pad_link(pad, to);
	gst_object_unref(to);
	if (caps)
		gst_caps_unref(caps);
}

static void on_source(GstElement *bin, GstElement *source, gpointer arg)
{
	const struct player *p = arg;
	(void)bin;
	if (!g_object_class_find_property(G_OBJECT_GET_CLASS(source), "protocols"))
		return;
	/* whose certificate it is, is not the question here */
	g_object_set(
		source, "protocols", p->protocols, "latency", 500, "tls-validation-flags", 0, NULL);
}

/*
 * libavcodec decodes everything that it can, so that other clients' pictures are comparable; but not
 * AMR, of which it takes only the first frame of a packet.
 */
static void prefer_libav(void)
{
	GList *all = gst_registry_get_feature_list(gst_registry_get(), GST_TYPE_ELEMENT_FACTORY);
	for (GList *l = all; l; l = l->next) {
		const char *name = gst_plugin_feature_get_name(GST_PLUGIN_FEATURE(l->data));
		if (g_str_has_prefix(name, "avdec_") && !g_str_has_suffix(name, "_fixed") &&
			strcmp(name, "avdec_mp3") != 0 && strcmp(name, "avdec_amrnb") != 0)
			gst_plugin_feature_set_rank(
				GST_PLUGIN_FEATURE(l->data), GST_RANK_PRIMARY + 100);
	}
	gst_plugin_feature_list_free(all);
}

static void on_element(GstBin *bin, GstBin *sub, GstElement *e, gpointer arg)
{
	(void)bin;
	(void)sub;
	(void)arg;
	if (g_object_class_find_property(G_OBJECT_GET_CLASS(e), "max-threads"))
		g_object_set(e, "max-threads", 1, NULL);
}

static void seek(struct player *p)
{
	g_mutex_lock(&p->lock);
	bool again = p->has_sought;
	p->has_sought = true;
	g_mutex_unlock(&p->lock);
	if (!again &&
		!gst_element_seek_simple(p->pipe, GST_FORMAT_TIME,
			GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT, (gint64)(p->seek * 1e9)))
		tell(p, "refused");
}

/* What the bus says: why to end, or NULL to go on. */
static const char *on_message(struct player *p, GstMessage *m)
{
	const GstStructure *s = gst_message_get_structure(m);
	GError *error = NULL;

	switch (GST_MESSAGE_TYPE(m)) {
	case GST_MESSAGE_EOS: return "eos";
	case GST_MESSAGE_WARNING:
		gst_message_parse_warning(m, &error, NULL);
		fprintf(stderr, "%s\n", error->message);
		g_clear_error(&error);
		return NULL;
	case GST_MESSAGE_ERROR:
		gst_message_parse_error(m, &error, NULL);
		fprintf(stderr, "%s: %s\n", GST_OBJECT_NAME(m->src), error->message);
		g_clear_error(&error);
		return "error";
	default: break;
	}
	if (gst_structure_has_name(s, "begun"))
		seek(p);
	else if (gst_structure_has_name(s, "refused"))
		return "seek refused";
	else
		return "all";
	return NULL;
}

static const char *play(struct player *p)
{
	GstBus *bus = gst_element_get_bus(p->pipe);
	const char *why = NULL;
	gst_element_set_state(p->pipe, GST_STATE_PLAYING);
	while (!why) {
		GstMessage *m = gst_bus_timed_pop_filtered(bus, 30 * GST_SECOND,
			GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING |
				GST_MESSAGE_APPLICATION);
		why = m ? on_message(p, m) : "timeout";
		if (m)
			gst_message_unref(m);
	}
	gst_object_unref(bus);
	return why;
}

static bool read_args(struct player *p, int argc, char **argv)
{
	if (argc < 2)
		return false;
	p->uri = argv[1];
	for (int i = 2; i + 1 < argc; i += 2) {
		const char *name = argv[i], *value = argv[i + 1];
		if (strcmp(name, "--protocol") == 0)
			p->protocols = strcmp(value, "udp") == 0 ? 1 : 4;
		else if (strcmp(name, "--video") == 0)
			p->video.want = g_ascii_strtoull(value, NULL, 10);
		else if (strcmp(name, "--audio-samples") == 0)
			p->sound.want = g_ascii_strtoull(value, NULL, 10);
		else if (strcmp(name, "--audio") == 0)
			p->audio_file = value;
		else if (strcmp(name, "--seek") == 0)
			p->seek = g_ascii_strtod(value, NULL);
		else
			return false;
	}
	return argc % 2 == 0;
}

int main(int argc, char **argv)
{
	static struct player p = { .protocols = 4,
		.seek = -1,
		.audio_pts = GST_CLOCK_TIME_NONE,
		.video = { .is_video = true } };
	p.video.player = p.sound.player = &p;
	gst_init(&argc, &argv);
	if (!read_args(&p, argc, argv)) {
		fprintf(stderr, "usage: gst-client URI [--protocol udp|tcp] [--video N] "
				"[--audio-samples N] [--audio FILE] [--seek SECONDS]\n");
		return 2;
	}
	if (p.audio_file && !(p.audio = fopen(p.audio_file, "wb"))) {
		perror(p.audio_file);
		return 2;
	}
	prefer_libav();
	p.pipe = gst_pipeline_new("player");
	GstElement *source = gst_element_factory_make("uridecodebin", NULL);
	g_object_set(source, "uri", p.uri, NULL);
	g_signal_connect(source, "source-setup", G_CALLBACK(on_source), &p);
	g_signal_connect(source, "pad-added", G_CALLBACK(on_pad), &p);
	g_signal_connect(p.pipe, "deep-element-added", G_CALLBACK(on_element), &p);
	gst_bin_add(GST_BIN(p.pipe), source);
	const char *why = play(&p);
	g_mutex_lock(&p.lock);
	bool all = has_all(&p);
	if (p.sound.want)
		printf("audio %d %d %llu %lld\n", p.rate, p.channels, (unsigned long long)p.sound.n,
			GST_CLOCK_TIME_IS_VALID(p.audio_pts) ? (long long)p.audio_pts : -1LL);
	printf("end %s\n", why);
	if (p.audio)
		fclose(p.audio);
	p.audio = NULL; /* the streams still run */
	fflush(stdout);
	g_mutex_unlock(&p.lock);
	/* the session is ended properly: TEARDOWN */
	gst_element_set_state(p.pipe, GST_STATE_NULL);
	return all ? 0 : 1;
}
