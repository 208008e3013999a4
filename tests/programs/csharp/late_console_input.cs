//! stdin: first line\n42\nlast
using System;
using System.IO;

class LateConsoleInput
{
    static void Main()
    {
        Console.WriteLine("[" + Console.ReadLine() + "]");
        Console.WriteLine(int.Parse(Console.ReadLine()) + 1);
        Console.WriteLine((char)Console.Read());
        Console.WriteLine("[" + Console.In.ReadToEnd() + "]");
        Console.WriteLine(Console.ReadLine() == null);
        Console.Error.WriteLine("to standard error");
        Console.Write("{0} and {1}", 1, "two");
        Console.WriteLine();
        string path = Path.GetTempFileName();
        File.WriteAllText(path, "line one\nline two\n");
        foreach (string line in File.ReadAllLines(path)) Console.WriteLine(line);
        Console.WriteLine(new FileInfo(path).Length);
        File.Delete(path);
        Console.WriteLine(File.Exists(path));
        try { File.ReadAllText("/no/such/file"); } catch (DirectoryNotFoundException) { Console.WriteLine("no directory"); }
        Environment.Exit(9);
    }
}
