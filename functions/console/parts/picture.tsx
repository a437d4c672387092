import { useEffect, useRef, useState } from 'preact/hooks';
import { storedPicture } from '../api/stored-picture.ts';

interface StoredPictureProps {
  readonly set: string;
  readonly sha256: string;
  readonly index: number;
  readonly alt: string;
}

/** A picture of a stored set, fetched once it comes near to what is seen. */
export function StoredPicture({ set, sha256, index, alt }: StoredPictureProps) {
  const place = useRef<HTMLSpanElement>(null);
  const [near, setNear] = useState(false);
  const [source, setSource] = useState<string>();
  useEffect(() => {
    const observer = new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && setNear(true), {
      rootMargin: '200px',
    });
    observer.observe(place.current as HTMLSpanElement);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (!near) return;
    let wanted = true;
    storedPicture(set, sha256, index).then(
      (address) => wanted && setSource(address),
      () => wanted && setSource(''),
    );
    return () => {
      wanted = false;
    };
  }, [near, set, sha256, index]);
  return (
    <span ref={place} class="picture">
      {source === undefined ? null : source === '' ? (
        <span class="quiet">no picture</span>
      ) : (
        <img src={source} alt={alt} />
      )}
    </span>
  );
}
