using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

// Files, directories, streams, paths; everything in a directory of its own that is removed again.
class Files
{
    static string root;
    static string R(string s) { return s == null ? "null" : s.Replace(root, "ROOT"); }
    static void Throws(Action a) { try { a(); Console.WriteLine("no exception"); } catch (Exception e) { Console.WriteLine(e.GetType().Name + ": " + R(e.Message)); } }

    static void Main()
    {
        root = Path.Combine(Path.GetTempPath(), "files-" + Guid.NewGuid().ToString("N"));
        Console.WriteLine(Directory.CreateDirectory(root).Exists);
        string f = Path.Combine(root, "a.txt");
        File.WriteAllText(f, "one\ntwo\r\nthree"); File.AppendAllText(f, "\nfour é"); Console.WriteLine(File.ReadAllText(f).Length + " " + File.ReadAllLines(f).Length + " " + File.Exists(f) + " " + new FileInfo(f).Length);
        foreach (string line in File.ReadLines(f)) Console.WriteLine(line);
        File.WriteAllLines(f, new[] { "x", "y" }); File.AppendAllLines(f, new[] { "z" }); Console.WriteLine(File.ReadAllText(f)); File.WriteAllBytes(f, new byte[] { 1, 2, 3, 0xff }); Console.WriteLine(BitConverter.ToString(File.ReadAllBytes(f)));
        File.Copy(f, f + ".2"); Throws(() => File.Copy(f, f + ".2")); File.Copy(f, f + ".2", true); File.Move(f + ".2", f + ".3"); Throws(() => File.Move(f + ".2", f + ".4")); Throws(() => File.Move(f, f + ".3")); File.Delete(f + ".3"); File.Delete(f + ".3"); Throws(() => File.Delete(Path.Combine(root, "no", "x")));
        Throws(() => File.ReadAllText(f + ".none")); Throws(() => File.ReadAllText(Path.Combine(root, "none", "x"))); Throws(() => File.ReadAllText(root)); Throws(() => new FileStream(f, FileMode.CreateNew)); Throws(() => File.Open("", FileMode.Open)); Throws(() => File.ReadAllText(null)); Throws(() => new FileStream(f, FileMode.Truncate, FileAccess.Read));
        using (var s = new FileStream(f, FileMode.Create, FileAccess.ReadWrite)) { for (int i = 0; i < 10000; i++) s.WriteByte((byte)i); Console.WriteLine(s.Length + " " + s.Position + " " + s.CanSeek + s.CanRead + s.CanWrite); s.Seek(-5, SeekOrigin.End); Console.WriteLine(s.ReadByte()); s.Position = 300; Console.WriteLine(s.ReadByte()); s.SetLength(100); Console.WriteLine(s.Length + " " + s.Position + " " + s.ReadByte() + " " + R(s.Name)); s.Position = 0; var buffer = new byte[64]; int total = 0, n; while ((n = s.Read(buffer, 0, 64)) > 0) total += n; Console.WriteLine(total); s.Lock(0, 10); s.Unlock(0, 10); s.Flush(true); Throws(() => s.Seek(-1, SeekOrigin.Begin)); }
        using (var s = new FileStream(f, FileMode.Open)) { Throws(() => new FileStream(f, FileMode.Open, FileAccess.Write, FileShare.None)); }
        using (var s = File.OpenRead(f)) { Throws(() => s.WriteByte(1)); s.Dispose(); Throws(() => s.ReadByte()); }
        using (var w = new BinaryWriter(File.Create(f))) { w.Write(1); w.Write("héllo"); w.Write(2.5); w.Write(true); w.Write('é'); w.Write(123.45m); w.Write(new byte[] { 9, 8 }); w.Write(long.MinValue); } using (var r = new BinaryReader(File.OpenRead(f))) { Console.WriteLine(r.ReadInt32() + r.ReadString() + r.ReadDouble().ToString(System.Globalization.CultureInfo.InvariantCulture) + r.ReadBoolean() + r.ReadChar() + r.ReadDecimal().ToString(System.Globalization.CultureInfo.InvariantCulture) + r.ReadBytes(2)[1] + r.ReadInt64()); Throws(() => r.ReadInt32()); }
        using (var w = new StreamWriter(f, false, Encoding.UTF8)) { w.NewLine = "|"; w.Write("{0}-{1}", 1, 2); w.WriteLine(); w.Write('c'); w.Write(new[] { 'd', 'e' }); w.Write(3.5m); } using (var r = new StreamReader(f)) { Console.WriteLine(r.Peek() + " " + (char)r.Read() + " " + r.ReadToEnd() + " " + r.EndOfStream); }
        string sub = Path.Combine(root, "d", "e"); Directory.CreateDirectory(sub); File.WriteAllText(Path.Combine(sub, "deep.log"), ""); File.WriteAllText(Path.Combine(root, "b.log"), ""); var found = new List<string>(Directory.GetFiles(root, "*.log", SearchOption.AllDirectories)); found.Sort(StringComparer.Ordinal); foreach (string s in found) Console.WriteLine(R(s)); found = new List<string>(Directory.GetFileSystemEntries(root)); found.Sort(StringComparer.Ordinal); foreach (string s in found) Console.WriteLine(R(s)); Console.WriteLine(Directory.GetDirectories(root).Length + " " + Directory.GetFiles(root, "?.txt").Length + " " + R(Directory.GetParent(sub).FullName)); foreach (var i in new DirectoryInfo(root).EnumerateFiles("*.log")) Console.WriteLine(i.Name + " " + i.Extension + " " + i.Length);
        Throws(() => Directory.Delete(Path.Combine(root, "d"))); Throws(() => Directory.GetFiles(Path.Combine(root, "zz"))); Throws(() => Directory.CreateDirectory(f)); Throws(() => Directory.Delete(Path.Combine(root, "zz"))); Directory.Move(Path.Combine(root, "d"), Path.Combine(root, "g")); Console.WriteLine(Directory.Exists(Path.Combine(root, "g", "e"))); 
        File.SetAttributes(f, FileAttributes.ReadOnly); Console.WriteLine(File.GetAttributes(f) + " " + File.GetAttributes(root)); File.SetAttributes(f, FileAttributes.Normal); File.SetLastWriteTimeUtc(f, new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc)); Console.WriteLine(File.GetLastWriteTimeUtc(f).ToString("s")); File.SetLastAccessTimeUtc(f, new DateTime(2002, 2, 3)); Console.WriteLine(File.GetLastAccessTimeUtc(f).Year + " " + (File.GetCreationTimeUtc(f).Year > 2000) + " " + File.GetLastWriteTimeUtc(f + "none").Year); File.Replace(Path.Combine(root, "b.log"), f, f + ".bak"); Console.WriteLine(File.Exists(f + ".bak") + " " + File.ReadAllText(f).Length);
        string old = Directory.GetCurrentDirectory(); Directory.SetCurrentDirectory(root); File.WriteAllText("rel", "r"); Console.WriteLine(R(Path.GetFullPath("rel")) + " " + File.Exists("rel") + " " + R(new FileInfo("x/../rel").FullName)); Directory.SetCurrentDirectory(old);
        foreach (string p in new[] { "/a/b.txt", "a", "/", "", "/a/", "a.b.c", "../x", "/a//b", ".hidden", "dir/.x" }) Console.WriteLine(p + ": " + Path.GetFileName(p) + "|" + Path.GetExtension(p) + "|" + Path.GetFileNameWithoutExtension(p) + "|" + (p == "" ? "" : Path.GetDirectoryName(p)) + "|" + Path.IsPathRooted(p) + "|" + Path.ChangeExtension(p, "z") + "|" + Path.Combine("r", p) + "|" + Path.HasExtension(p)); Console.WriteLine(Path.GetFullPath("/a/./b/../c") + " " + Path.GetPathRoot("/x/y") + " " + new string(Path.GetInvalidFileNameChars()).Length + " " + Path.DirectorySeparatorChar + Path.PathSeparator + " " + Path.GetRandomFileName().Length);
        Directory.Delete(root, true); Console.WriteLine(Directory.Exists(root));
    }
}
