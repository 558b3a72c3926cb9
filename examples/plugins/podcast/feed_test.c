// Runs on the machine itself, with every check that the compiler has; see scripts/guests.sh.
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"
#include "xml.h"

static const char FEED[] =
    "<?xml version='1.0' encoding='UTF-8'?><!DOCTYPE rss [<!ENTITY x \"y\">]>\n"
    "<rss version=\"2.0\" xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'><channel>\n"
    "<title>Show</title><image><title>Not an episode</title></image>\n"
    "<item><title>Old &amp; &#x263a; &#169; &nope; &</title><guid isPermaLink='false'> one </guid>\n"
    "<pubDate>Tue, 05 Mar 2024 06:07:08 +0100</pubDate><itunes:duration>1:02:03</itunes:duration>\n"
    "<enclosure length='12345' type = \"audio/mpeg\"\n url='https://a.example/1.mp3?x=1&amp;y=2'/></item>\n"
    "<item><title>Words only</title><pubDate>Wed, 06 Mar 2024 00:00:00 GMT</pubDate></item>\n"
    "<item><title><![CDATA[ New <b>&amp;</b> > old ]]></title><guid>https://a.example/two</guid>\n"
    "<media:group><title>Inner</title></media:group><!-- <title>Comment</title> -->\n"
    "<pubDate>Thu, 07 Mar 2024 00:00:00 EST</pubDate>\n"
    "<enclosure url='https://a.example/2.mp4' type='video/mp4' length='0'></enclosure>\n"
    "<enclosure url='https://a.example/2.m4a' type=''/>\n"
    "<enclosure url='https://a.example/2.pdf' type='application/pdf'/>\n"
    "<enclosure url='file:///etc/passwd' type='audio/mpeg'/>\n"
    "<enclosure url='https://a.example/a b' type='audio/mpeg'/>\n"
    "<enclosure url='https://u:p@a.example/' type='audio/mpeg'/>\n"
    "<enclosure url='https://a.example:99999/' type='audio/mpeg'/>\n"
    "<enclosure url='https:///x' type='audio/mpeg'/></item>\n"
    "</channel></rss>";

static void reads_a_feed(void) {
  feed it = feed_read(slice_of(FEED));
  assert(it.is_feed && it.count == 2);
  const episode *now = feed_find(&it, "1"), *old = feed_find(&it, "one");
  assert(now && old && now != old && feed_find(&it, "2") == old);
  assert(feed_find(&it, "https://a.example/two") == now);
  assert(!feed_find(&it, "0") && !feed_find(&it, "3") && !feed_find(&it, ""));
  assert(strcmp(now->title, "New <b>&amp;</b> > old") == 0);
  assert(now->enclosure_count == 2 && now->enclosures[0].kind == MEDIA_VIDEO);
  assert(now->enclosures[1].kind == MEDIA_AUDIO && now->enclosures[0].size == 0);
  assert(strcmp(old->title, "Old & \xe2\x98\xba \xc2\xa9 &nope; &") == 0);
  assert(strcmp(old->enclosures[0].url, "https://a.example/1.mp3?x=1&y=2") == 0);
  assert(old->enclosures[0].size == 12345 && old->duration == 3723);
  assert(old->published == 1709615228);
  feed_free(&it);
}

// A copy without anything behind it, so that a read beyond the end is noticed.
static void read_exactly(const char *bytes, size_t len) {
  char *copy = malloc(len ? len : 1);
  assert(copy);
  memcpy(copy, bytes, len);
  feed it = feed_read((slice){copy, len});
  feed_free(&it);
  free(copy);
}

static void stands_damage(void) {
  char damaged[sizeof FEED];
  unsigned seed = 1;
  for (size_t len = 0; len < sizeof FEED; len++) read_exactly(FEED, len);
  for (int round = 0; round < 20000; round++) {
    memcpy(damaged, FEED, sizeof FEED);
    for (int n = 0; n < 6; n++) {
      seed = seed * 1103515245 + 12345;
      damaged[(seed >> 8) % (sizeof FEED - 1)] = "<>&;'\"/=!-[]?\0\xff\xc3 #x"[(seed >> 4) % 20];
    }
    read_exactly(damaged, sizeof FEED - 1);
  }
}

static void decodes(const char *text, const char *meant) {
  char *decoded = xml_decode(slice_of(text), false);
  assert(decoded && strcmp(decoded, meant) == 0);
  free(decoded);
}

static void makes_valid_text_of_anything(void) {
  decodes("&lt;&gt;&quot;&apos;&amp;amp;", "<>\"'&amp;");
  decodes("&#65;&#x42;&#99999999;&#xD800;&#0;", "AB\xef\xbf\xbd\xef\xbf\xbd ");
  decodes("\xe9t\xe9", "\xc3\xa9t\xc3\xa9");
  decodes("\xc0\x80\xed\xa0\x80\xf8", "\xc3\x80 \xef\xbf\xbd\xc3\xb8");
  decodes("\xf0\x9f\x98\x80\xf0\x9f", "\xf0\x9f\x98\x80\xc3\xb0 ");
  decodes("a\x01\nb&#10;c\x7f", "a  b c ");
}

static void reads_dates_and_durations(void) {
  assert(feed_date(slice_of("1 Jan 1970 00:00:00 GMT")) == 0);
  assert(feed_date(slice_of("Thu, 29 Feb 2024 12:00 -0800")) == 1709236800);
  assert(feed_date(slice_of("Fri, 01 Mar 2024 00:00:00 Z")) == 1709251200);
  assert(feed_date(slice_of("31 December 99 23:59:60 +0000")) == 946684800);
  assert(feed_date(slice_of("")) < 0 && feed_date(slice_of("yesterday")) < 0);
  assert(feed_date(slice_of("32 Jan 2020")) < 0 && feed_date(slice_of("1 Foo 2020")) < 0);
  assert(feed_duration(slice_of("62:03")) == 3723 && feed_duration(slice_of(" 90 ")) == 90);
  assert(feed_duration(slice_of("1:2:3:4")) == 0 && feed_duration(slice_of("soon")) == 0);
}

int main(void) {
  reads_a_feed();
  stands_damage();
  makes_valid_text_of_anything();
  reads_dates_and_durations();
  return 0;
}
