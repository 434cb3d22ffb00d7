/* SPDX-License-Identifier: MIT */
#include <gst/rtsp-server/rtsp-server.h>
#include <stdio.h>

/*
 * A server that is not ours, for the suite to judge: gst-rtsp-server serves one MP4 file (H.264 and
 * AAC) at /test of 127.0.0.1, re-packetised. Prints where it listens. Ends by a signal.
 *
 *   gst-server FILE [PORT [USER PASSWORD]]   PORT 0 (default): one that is free; with a user it lets nobody
 *                                            else in, by Digest
 */
#define PIPELINE                                                               \
	"( filesrc location=\"%s\" ! qtdemux name=d d. ! queue ! h264parse ! " \
	"rtph264pay name=pay0 pt=96 d. ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )"

static void ask_for_login(
	GstRTSPServer *server, GstRTSPMediaFactory *factory, const char *user, const char *password)
{
	GstRTSPAuth *auth = gst_rtsp_auth_new();
	GstRTSPToken *token = gst_rtsp_token_new(
		GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, "viewer", NULL);

	gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_DIGEST);
	gst_rtsp_auth_add_digest(auth, user, password, token);
	gst_rtsp_token_unref(token);
	gst_rtsp_server_set_auth(server, auth);
	g_object_unref(auth);
	gst_rtsp_media_factory_add_role(factory, "viewer", GST_RTSP_PERM_MEDIA_FACTORY_ACCESS,
		G_TYPE_BOOLEAN, TRUE, GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE,
		NULL);
}

int main(int argc, char **argv)
{
	gst_init(&argc, &argv);
	if (argc < 2 || argc > 5 || argc == 4) {
		fprintf(stderr, "usage: gst-server FILE [PORT [USER PASSWORD]]\n");
		return 2;
	}
	GstRTSPServer *server = gst_rtsp_server_new();
	gst_rtsp_server_set_address(server, "127.0.0.1");
	gst_rtsp_server_set_service(server, argc > 2 ? argv[2] : "0");

	GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
	char *launch = g_strdup_printf(PIPELINE, argv[1]);
	gst_rtsp_media_factory_set_launch(factory, launch);
	g_free(launch);
	if (argc == 5)
		ask_for_login(server, factory, argv[3], argv[4]);
	GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server);
	gst_rtsp_mount_points_add_factory(mounts, "/test", factory);
	g_object_unref(mounts);

	if (gst_rtsp_server_attach(server, NULL) == 0) {
		fprintf(stderr, "gst-server: cannot listen on that port\n");
		return 2;
	}
	printf("listening rtsp://127.0.0.1:%d/test\n", gst_rtsp_server_get_bound_port(server));
	fflush(stdout);
	g_main_loop_run(g_main_loop_new(NULL, FALSE));
	return 0;
}
