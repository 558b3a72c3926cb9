//! Reads playlists and manifests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use clipmill_core::net::Text;
use clipmill_core::{Error, lock};
use tokio::time::Instant;

use crate::fetch::transfer::{RemoteAddress, TransferContext, retry};

/// How long a list counts as just read; one that grows is read again later than
/// that.
const FRESH: Duration = Duration::from_millis(400);

/// Reads each list once where several need it right after each other: the source
/// that found it, the choice of a rendition, and the reader of its segments.
pub struct ListReader<'a> {
    transfer: &'a Arc<TransferContext>,
    recent: Mutex<Vec<RecentList>>,
}

struct RecentList {
    address: RemoteAddress,
    read_at: Instant,
    text: Text,
}

impl<'a> ListReader<'a> {
    /// A reader that has read nothing yet.
    pub fn new(transfer: &'a Arc<TransferContext>) -> ListReader<'a> {
        ListReader { transfer, recent: Mutex::default() }
    }

    /// A playlist or a manifest of at most so many bytes.
    ///
    /// # Errors
    /// Those of sources.
    pub async fn read(&self, address: &RemoteAddress, max_bytes: usize) -> Result<Text, Error> {
        lock(&self.recent).retain(|list| list.read_at.elapsed() < FRESH);
        if let Some(list) = lock(&self.recent).iter().find(|list| list.address == *address) {
            return Ok(list.text.clone());
        }
        let text = match self.transfer.client.kept(&address.url, &address.headers) {
            Some(text) => text,
            None => self.download(address, max_bytes).await?,
        };
        let (address, read_at) = (address.clone(), Instant::now());
        lock(&self.recent).push(RecentList { address, read_at, text: text.clone() });
        Ok(text)
    }

    async fn download(&self, address: &RemoteAddress, max_bytes: usize) -> Result<Text, Error> {
        let text = retry(|| async {
            let response = self.transfer.client.get(&address.url, &address.headers, None).await?;
            let response = response.ok()?;
            let url = response.url().clone();
            Ok(Text { bytes: response.bytes(max_bytes).await?.into(), url })
        });
        let text = text.await?;
        self.transfer.budget.count(text.bytes.len())?;
        Ok(text)
    }
}
