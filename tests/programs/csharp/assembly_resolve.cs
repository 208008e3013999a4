// AppDomain.AssemblyResolve; arrays of many dimensions.
using System;
using System.Reflection;

class Program
{
    static int asked;

    static Assembly Find(object sender, ResolveEventArgs args)
    {
        asked++;
        Console.WriteLine("asked for " + args.Name);
        return args.Name.StartsWith("Known") ? typeof(Program).Assembly : null;
    }

    static void Main()
    {
        AppDomain.CurrentDomain.AssemblyResolve += Find;
        Console.WriteLine(Assembly.Load("KnownOne") == typeof(Program).Assembly);
        try { Assembly.Load("Unknown"); } catch (System.IO.FileNotFoundException) { Console.WriteLine("not found"); }
        AppDomain.CurrentDomain.AssemblyResolve -= Find;
        try { Assembly.Load("KnownTwo"); } catch (System.IO.FileNotFoundException) { Console.WriteLine("not found, " + asked); }

        var ten = new int[1, 2, 1, 2, 1, 2, 1, 2, 1, 3];
        ten[0, 1, 0, 1, 0, 1, 0, 1, 0, 2] = 42;
        Console.WriteLine(ten.Rank + " " + ten.Length + " " + ten[0, 1, 0, 1, 0, 1, 0, 1, 0, 2] + " " + ten.GetLength(9));
        int sum = 0;
        foreach (int x in ten) sum += x;
        Console.WriteLine(sum);
        try { ten[0, 2, 0, 0, 0, 0, 0, 0, 0, 0]++; } catch (IndexOutOfRangeException) { Console.WriteLine("out of range"); }
        var strings = new string[1, 1, 1, 1, 1, 1, 1, 1, 2];
        strings[0, 0, 0, 0, 0, 0, 0, 0, 1] = "deep";
        Console.WriteLine(strings[0, 0, 0, 0, 0, 0, 0, 0, 1] + (strings[0, 0, 0, 0, 0, 0, 0, 0, 0] == null));
    }
}
