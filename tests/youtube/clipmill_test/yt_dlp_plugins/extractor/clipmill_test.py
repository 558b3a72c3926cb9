"""YouTube without YouTube: answers every YouTube URL from a local server.

Everything of yt-dlp around it stays as it is: URL matching, format selection, downloaders, error
output. The server's address comes from the variable CLIPMILL_TEST_MEDIA, or from `server.json`
({"base": "http://127.0.0.1:PORT"}) in the folder that holds `yt_dlp_plugins`, for callers that
pass no environment on. What a video is, `GET BASE/youtube/ID.json` says.
"""

import json
import os
import pathlib

from yt_dlp.extractor.youtube import YoutubeIE
from yt_dlp.utils import ExtractorError, GeoRestrictedError, remove_end

# What YouTube answers, as (reason, subreason); the real extractor joins them with ". ".
REFUSALS = {
    'private': ('Private video', "Sign in if you've been granted access to this video"),
    'removed': ('Video unavailable', 'This video has been removed by the uploader'),
    'terminated': (
        'Video unavailable',
        'This video is no longer available because the YouTube account associated with this '
        'video has been terminated.'),
    'unavailable': ('Video unavailable', ''),
    'age_gate': (
        'Sign in to confirm your age', 'This video may be inappropriate for some users.'),
    'not_a_bot': (
        'Sign in to confirm you’re not a bot', 'This helps protect our community. Learn more'),
    'members_only': (
        'Join this channel to get access to members-only content like this video, and other '
        'exclusive perks.', ''),
    'upcoming': ('This live event will begin in 2 hours.', ''),
    'premiere': ('Premieres in 5 hours', ''),
    'rate_limited': ("Video unavailable. This content isn't available, try again later", ''),
}
GEO = 'The uploader has not made this video available in your country'
RATE_LIMITED = "This content isn't available, try again later"


class ClipmillTestIE(YoutubeIE, plugin_name='clipmill'):
    def _real_extract(self, url):
        video_id = self._match_id(url)
        answer = self._download_json(
            f'{server_base()}/youtube/{video_id}.json', video_id, 'Asking the local server',
            'The local server does not answer', expected_status=404)
        if answer.get('error'):
            self._refuse(answer['error'])
        return {
            'id': video_id,
            'webpage_url': f'https://www.youtube.com/watch?v={video_id}',
            # What the real extractor puts there; a plugin's name has an addition.
            'extractor': 'youtube',
            'extractor_key': 'Youtube',
            **answer,
        }

    def _refuse(self, kind):
        """Fails as the real extractor does when a video has no formats."""
        if kind == 'geo':
            error = GeoRestrictedError(GEO, countries=['AT', 'DE'], ie='youtube')
        else:
            error = ExtractorError(self._reason(kind), expected=True, ie='youtube')
        # A warning only, when the caller asked for metadata whatever happens.
        self.raise_no_formats(error, expected=True)

    def _reason(self, kind):
        reason, subreason = REFUSALS.get(kind, REFUSALS['unavailable'])
        if subreason:
            reason += f'. {subreason}'
        if 'sign in' in reason.lower():
            reason = remove_end(reason, 'This helps protect our community. Learn more')
            return f'{remove_end(reason.strip(), ".")}. {self._youtube_login_hint}'
        if RATE_LIMITED in reason:
            return (
                f'{remove_end(reason.strip(), ".")}. The current session has been rate-limited by '
                'YouTube for up to an hour. It is recommended to use `-t sleep` to add a delay '
                'between video requests to avoid exceeding the rate limit. For more information, '
                'refer to  https://github.com/yt-dlp/yt-dlp/wiki/Extractors'
                '#this-content-isnt-available-try-again-later')
        return reason


def server_base():
    base = os.environ.get('CLIPMILL_TEST_MEDIA')
    if base:
        return base
    written = pathlib.Path(__file__).parents[2] / 'server.json'
    try:
        return json.loads(written.read_text(encoding='utf-8'))['base']
    except (OSError, ValueError, KeyError) as error:
        raise ExtractorError(
            f'no test server: CLIPMILL_TEST_MEDIA is not set and {written.name}: {error}',
            expected=True) from error
