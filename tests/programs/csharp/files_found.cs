// Files and directories found by pattern.
using System;
using System.IO;
using System.Linq;

class Program
{
    static void Main()
    {
        string root = Path.Combine(Path.GetTempPath(), "find-" + Guid.NewGuid());
        Directory.CreateDirectory(Path.Combine(root, "sub", "deep"));
        Directory.CreateDirectory(Path.Combine(root, "other.dir"));
        foreach (string f in new[] { "a.txt", "b.txt", "ab.cs", "README", "sub/c.txt", "sub/deep/d.TXT", ".hidden" }) File.WriteAllText(Path.Combine(root, f), f);
        try
        {
            foreach (string pattern in new[] { "*", "*.*", "*.txt", "a*", "?.txt", "R*E", "none*", "*.cs" })
            {
                Show(pattern, Directory.GetFiles(root, pattern), root);
                Show(pattern + " all", Directory.GetFiles(root, pattern, SearchOption.AllDirectories), root);
            }
            Show("directories", Directory.GetDirectories(root), root);
            Show("all directories", Directory.EnumerateDirectories(root, "*", SearchOption.AllDirectories).ToArray(), root);
            Show("entries", Directory.GetFileSystemEntries(root), root);
            foreach (FileInfo f in new DirectoryInfo(root).GetFiles("*.txt").OrderBy(f => f.Name, StringComparer.Ordinal)) Console.WriteLine("{0} {1}", f.Name, f.Length);
            Console.WriteLine(new DirectoryInfo(root).EnumerateFileSystemInfos("*", SearchOption.AllDirectories).Count());
            try { Directory.GetFiles(Path.Combine(root, "missing")); } catch (DirectoryNotFoundException) { Console.WriteLine("no directory"); }
        }
        finally { Directory.Delete(root, true); }
        Console.WriteLine(Directory.Exists(root));
    }

    static void Show(string what, string[] found, string root)
    {
        Console.WriteLine("{0}: {1}", what, string.Join(" ", found.Select(f => f.Substring(root.Length + 1)).OrderBy(f => f, StringComparer.Ordinal)));
    }
}
