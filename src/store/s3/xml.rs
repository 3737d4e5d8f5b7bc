//! What the server says in XML.

use serde::Deserialize;

/// A page of a bucket's listing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listing {
    #[serde(default)]
    pub contents: Vec<Object>,
    pub next_continuation_token: Option<String>,
}

/// An object of a listing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Object {
    pub key: String,
    pub size: u64,
    pub last_modified: String,
}

/// The answer to the beginning of a multipart upload.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Begun {
    pub upload_id: String,
}

/// Why a request was refused.
#[derive(Debug, Default, Deserialize)]
#[serde(rename = "Error", rename_all = "PascalCase", default)]
pub(super) struct Refusal {
    pub code: String,
    pub message: String,
    /// The bucket's region, where the request was signed for another one.
    pub region: Option<String>,
}

/// The end of a multipart upload: its parts, in order, with the tags that the server gave them.
pub(super) fn parts(tags: &[String]) -> String {
    let parts: String = tags
        .iter()
        .enumerate()
        .map(|(index, tag)| {
            let tag = quick_xml::escape::escape(tag);
            format!("<Part><PartNumber>{}</PartNumber><ETag>{tag}</ETag></Part>", index + 1)
        })
        .collect();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_listing() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>x/</Prefix>
            <KeyCount>2</KeyCount><IsTruncated>true</IsTruncated><NextContinuationToken>a+b/==</NextContinuationToken>
            <Contents><Key>x/app_1.0.0+a&amp;b.release.tar.gz</Key><LastModified>2024-01-02T03:04:05.000Z</LastModified>
            <ETag>&quot;e&quot;</ETag><Size>12</Size><StorageClass>STANDARD</StorageClass></Contents>
            <Contents><Key>y</Key><LastModified>2024-01-02T03:04:05.000Z</LastModified><Size>1</Size></Contents>
            <CommonPrefixes><Prefix>x/z/</Prefix></CommonPrefixes></ListBucketResult>"#;
        let listing: Listing = quick_xml::de::from_str(text).unwrap();
        let keys: Vec<(&str, u64)> =
            listing.contents.iter().map(|object| (object.key.as_str(), object.size)).collect();
        assert_eq!(keys, [("x/app_1.0.0+a&b.release.tar.gz", 12), ("y", 1)]);
        assert_eq!(listing.next_continuation_token.as_deref(), Some("a+b/=="));
        let empty: Listing =
            quick_xml::de::from_str("<ListBucketResult><Name>b</Name></ListBucketResult>").unwrap();
        assert!(empty.contents.is_empty());
    }

    #[test]
    fn reads_a_refusal() {
        let text = "<Error><Code>PermanentRedirect</Code><Message>m</Message><Endpoint>e</Endpoint><Region>eu</Region></Error>";
        let refusal: Refusal = quick_xml::de::from_str(text).unwrap();
        assert_eq!((refusal.code.as_str(), refusal.region.as_deref()), ("PermanentRedirect", Some("eu")));
    }

    #[test]
    fn writes_parts() {
        assert_eq!(
            parts(&["\"a\"".to_owned()]),
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag></Part></CompleteMultipartUpload>"
        );
    }
}
